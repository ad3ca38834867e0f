// Crowds and clients that misbehave: F19, F21, F22.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConversationId } from "@presszero/contracts";
import { createApi } from "@presszero/sdk";
import { readUsage } from "../cluster.ts";
import type { HerdOrder, HerdReport } from "../herd-child.ts";
import { markText } from "../history.ts";
import { secondsToOk, summarize } from "../latency.ts";
import { createCustomer, type Customer } from "../people.ts";
import { connectRaw, type RawClient } from "../raw-client.ts";
import type { Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

export const herd: Scenario = {
  name: "herd",
  faults: "F19",
  expects: "a crowd that is dropped at once, with the server restarted, comes back without a second collapse",
  seconds: 90,
  world: { customers: 2, env: { RATE_HELLOS: "300/300" } },
  caps: (clients) => ({ rssMiB: 600 + clients / 8, fds: 500 + clients }),
  async run({ world, clients }) {
    const { cluster, companies, history } = world;
    const { node } = cluster;
    const crowd = fork(join(import.meta.dirname, "../herd-child.ts"));
    try {
      const text = markText("A", "text", "one of many");
      const { widgetKey } = companies[0];
      const began = performance.now();
      order(crowd, { type: "create", url: node.directUrl, widgetKey, clients, text });
      const { conversations } = await next(crowd, "created");
      for (const { c, cid } of conversations) history.record({ op: "send", client: "herd", c, cid, text });
      world.say(`    ${clients} clients are synced after ${((performance.now() - began) / 1000).toFixed(0)} s`);
      await world.during(
        `${clients} clients are reset and the server is killed`,
        1,
        async () => {
          order(crowd, { type: "drop" });
          await node.kill();
        },
        async () => void (await node.start()),
      );
      const heads: Record<string, number> = {};
      for (const { c, token } of conversations.slice(0, 50)) {
        const clientId = crypto.randomUUID();
        history.record({ op: "send", client: "herd", c, cid: clientId, text });
        const { seq } = await createApi({ baseUrl: node.directUrl, token })(
          "POST /v1/my/conversations/:conversationId/messages",
          { params: { conversationId: c as ConversationId }, body: { kind: "text", text }, clientId },
        );
        heads[c] = seq;
      }
      order(crowd, { type: "expect", heads });
      const { seconds, refusals, missing } = await next(crowd, "synced");
      const { median, p95, max } = summarize(seconds);
      world.say(
        `    synced again: half in ${median.toFixed(1)} s, 95 % in ${p95.toFixed(1)} s; refused meanwhile: ${JSON.stringify(refusals)}`,
      );
      const usage = await readUsage(node.pid()!);
      world.say(`    the server uses ${usage?.rssMiB} MiB and ${usage?.fds} files`);
      if (missing > 0) throw new Error(`${missing} of ${clients} clients did not come back.`);
      world.time("the last client is synced", max, 90);
    } finally {
      crowd.kill();
    }
    world.time("all devices agree again", await world.settle(), 30);
  },
};

const order = (crowd: ChildProcess, message: HerdOrder) => void crowd.send(message);

async function next<T extends HerdReport["type"]>(crowd: ChildProcess, type: T) {
  const signal = AbortSignal.timeout(400_000);
  const [message] = (await once(crowd, "message", { signal })) as [HerdReport];
  if (message.type !== type) throw new Error(`The herd reported ${message.type} instead of ${type}.`);
  return message as Extract<HerdReport, { type: T }>;
}

/** A customer whose messages nobody else gets, on record as such. */
async function addCustomer(world: World, name: string): Promise<Customer> {
  const text = markText("A", "text", name);
  const customer = await createCustomer(world.cluster.node.directUrl, world.companies[0], text);
  const { conversationId: c, firstClientId: cid } = customer;
  world.history.record({ op: "send", client: name, c, cid, text });
  return customer;
}

export const slowClients: Scenario = {
  name: "slow-clients",
  faults: "F21",
  expects: "clients that read 1 KiB/s or nothing are cut off (4490, BP3), memory stays flat, nobody else notices",
  seconds: 20,
  async run({ world, seconds }) {
    const { cluster, history } = world;
    const { node } = cluster;
    const customer = await addCustomer(world, "slow customer");
    const { conversationId: c, token } = customer;
    const slow = await cluster.addLink(node);
    slow.set({ kind: "rate", bytesPerSecond: 1024, only: "down" });
    const clients: RawClient[] = [];
    for (let index = 0; index < 4; index++) {
      const isTrickle = index % 2 === 0;
      const client = await connectRaw({
        url: isTrickle ? `http://127.0.0.1:${slow.port}` : node.directUrl,
        token,
        deviceId: crypto.randomUUID(),
        subscriptions: [{ conversationId: c, after: 1 }],
      });
      if (!isTrickle) client.stopReading();
      clients.push(client);
    }
    const before = (await readUsage(node.pid()!))!.rssMiB;
    const connectionsBefore = (await node.metric("presszero_ws_connections")) ?? 0;
    world.traffic.start();
    await sleep(1000);
    const began = history.now();
    const until = performance.now() + seconds * 1000;
    const text = markText("A", "text", "x".repeat(15_500));
    const api = createApi({ baseUrl: node.directUrl, token });
    let sent = 0;
    // Four at once, so that there is much to read; each has its own order.
    const pour = async (name: string) => {
      while (performance.now() < until) {
        const clientId = crypto.randomUUID();
        history.record({ op: "send", client: name, c, cid: clientId, text });
        await api("POST /v1/my/conversations/:conversationId/messages", {
          params: { conversationId: c },
          body: { kind: "text", text },
          clientId,
        });
        sent++;
      }
    };
    await Promise.all(["slow 1", "slow 2", "slow 3", "slow 4"].map(pour));
    const ended = history.now();
    const cutOff = await node.metric('presszero_ws_close_total{code="4490"}');
    const after = (await readUsage(node.pid()!))!.rssMiB;
    const connections = (await node.metric("presszero_ws_connections")) ?? 0;
    world.say(
      `    ${sent} messages of 15 KiB; 4490 was given ${cutOff ?? 0} times, ${connectionsBefore - connections} of 4 are gone; memory ${before} → ${after} MiB`,
    );
    const others = secondsToOk(
      history.entries,
      (send) => !send.client.startsWith("slow") && send.ts > began && send.ts < ended,
    );
    world.time(`a message of somebody else (${others.count}), 95th percentile`, others.p95, 1.5);
    // ws waits up to 30 s for the client's part of the close.
    const began30 = performance.now();
    while (
      ((await node.metric("presszero_ws_connections")) ?? 0) > connectionsBefore - 4 &&
      performance.now() - began30 < 60_000
    )
      await sleep(500);
    world.time("the slow clients are gone", (performance.now() - began30) / 1000, 45);
    for (const client of clients) client.socket.terminate();
    world.time("all devices agree again", await world.settle(), 30);
  },
};

export const flood: Scenario = {
  name: "flood",
  faults: "F22",
  expects: "the server stays alive and serves everybody else while clients flood it",
  seconds: 12,
  world: { env: { RATE_FRAMES: "20/60" } },
  async run({ world, seconds }) {
    const { cluster, history } = world;
    const { node } = cluster;
    world.traffic.start();
    await sleep(1000);
    const part = (seconds * 1000) / 4;
    const began = history.now();
    const closes: string[] = [];
    for (const [what, attack] of Object.entries(attacks)) {
      const customer = await addCustomer(world, what);
      const { token, deviceId, conversationId } = customer;
      const client = await connectRaw({ url: node.directUrl, token, deviceId });
      let code = 0;
      client.socket.on("close", (given) => (code = given));
      const until = performance.now() + part;
      await attack(client, conversationId, () => performance.now() < until && code === 0);
      await sleep(200);
      closes.push(`${what}: ${code === 0 ? "still open" : `closed with ${code}`}`);
      client.socket.terminate();
    }
    world.say(`    ${closes.join("; ")}`);
    const others = secondsToOk(history.entries, (send) => send.ts > began && send.ts < history.now() - 2000);
    world.time(`a message of somebody else (${others.count}), 95th percentile`, others.p95, 1.5);
    const lag = await node.metric("presszero_nodejs_eventloop_lag_p99_seconds");
    if (lag !== null) world.time("lag of the event loop, 99th percentile", lag, 0.5);
    world.time("a message is stored", await world.untilUsable(), 5);
    world.time("all devices agree again", await world.settle(), 30);
  },
};

type Attack = (client: RawClient, c: ConversationId, goOn: () => boolean) => Promise<void>;

const attacks: Record<string, Attack> = {
  "1,000 frames a second": async (client, c, goOn) => {
    for (let n = 0; goOn(); n++) {
      for (let index = 0; index < 10; index++) client.send({ type: "typing", conversationId: c, on: true });
      client.send({ type: "ping", n });
      await sleep(10);
    }
  },
  "frames of 64 KiB": async (client, _c, goOn) => {
    const text = JSON.stringify({ type: "nonsense", fill: "x".repeat(64 * 1024 - 40) });
    while (goOn()) {
      for (let index = 0; index < 20; index++) client.socket.send(text);
      await sleep(100);
    }
    client.socket.send(`${text}${"x".repeat(1024)}`);
  },
  "fragments that never end": async (client, _c, goOn) => {
    client.socket.send('{"type":"ping","n":', { fin: false });
    while (goOn()) {
      for (let index = 0; index < 50; index++) client.socket.send(" ", { fin: false });
      await sleep(20);
    }
  },
  "10,000 subscribes": async (client, c, goOn) => {
    for (let id = 0; id < 10_000 && goOn(); id++) {
      // Most of them are of conversations that do not exist.
      const conversationId = (id % 10 === 0 ? c : `cnv_${String(id).padStart(26, "0")}`) as ConversationId;
      client.send({ type: "subscribe", id, conversationId, after: 0 });
      if (id % 500 === 0) await sleep(20);
    }
  },
};
