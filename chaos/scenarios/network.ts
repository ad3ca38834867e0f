// Networks that drop, fall silent or carry one way only: AnyCable's test, F17, F18.
import { setTimeout as sleep } from "node:timers/promises";
import { summarize } from "../latency.ts";
import type { Scenario } from "../scenario.ts";

export const dropped: Scenario = {
  name: "dropped",
  faults: "AnyCable's test",
  expects: "connections are dropped for 2 s again and again while messages go at a steady pace: all arrive everywhere",
  seconds: 30,
  world: { pause: [250, 350], onlySends: true },
  async run({ world, seconds }) {
    const { cluster, history } = world;
    const rounds = Math.max(3, Math.floor(seconds / 6));
    world.traffic.start();
    for (let round = 0; round < rounds; round++) {
      await sleep(3000);
      const drop = () => cluster.node.clientLink.set({ kind: "rst" });
      await world.during("all connections are dropped", 2, drop, () => cluster.node.clientLink.set({ kind: "pass" }));
      // A browser is told when its network is back.
      for (const device of world.devices) if (device.isRunning()) device.sync().wake();
    }
    world.time("all devices agree again", await world.settle(), 30);
    const shownAt = new Map<string, number>();
    for (const entry of history.entries) {
      if (entry.op !== "view") continue;
      for (const { mid } of entry.rows) if (mid !== null) shownAt.set(`${entry.client} ${mid}`, entry.ts);
    }
    const messages = await world.query<{ mid: string; c: string; cid: string }>(
      "select id as mid, conversation_id as c, client_id as cid from message where kind = 'text'",
    );
    const sentAt = new Map(history.entries.flatMap((entry) => (entry.op === "send" ? [[entry.cid, entry.ts]] : [])));
    let expected = 0;
    const delays: number[] = [];
    for (const { mid, c, cid } of messages) {
      for (const device of world.devices) {
        if (!device.held().some((held) => held === c)) continue;
        expected++;
        const at = shownAt.get(`${device.name} ${mid}`);
        if (at !== undefined) delays.push((at - (sentAt.get(cid) ?? at)) / 1000);
      }
    }
    const { median, p95, max } = summarize(delays);
    const share = ((100 * delays.length) / expected).toFixed(2);
    world.say(
      `    ${share} % of ${expected} deliveries; ${median.toFixed(2)} s in the middle, ${p95.toFixed(1)} s for 95 %, ${max.toFixed(1)} s at most`,
    );
    if (delays.length < expected) throw new Error(`${expected - delays.length} deliveries are missing.`);
  },
};

export const oneWay: Scenario = {
  name: "one-way",
  faults: "F17",
  expects: "a client that is heard and hears nothing gives the connection up, and resumes without doubles",
  seconds: 75,
  async run({ world }) {
    const { cluster, customers } = world;
    const customer = customers[0]!;
    const link = await cluster.addLink(cluster.node);
    const url = `http://127.0.0.1:${link.port}`;
    world.device("customer-1").stop();
    const person = { ...customer, deviceId: crypto.randomUUID() };
    const victim = world.addDevice({ name: "victim", side: "contact", person, url, token: customer.token });
    victim.hold(customer.conversationId);
    victim.start();
    while (victim.sync().getState().connection.name !== "live") await sleep(50);
    world.traffic.start();
    link.set({ kind: "oneway", drop: "down" });
    victim.send(customer.conversationId, "heard by the server, never answered");
    const began = performance.now();
    while (victim.sync().getState().connection.name === "live" && performance.now() - began < 90_000) await sleep(100);
    world.time("the client gives the silent connection up", (performance.now() - began) / 1000, 75);
    world.traffic.stop();
    link.set({ kind: "pass" });
    victim.sync().wake();
    world.time("all devices agree again", await world.settle(), 30);
  },
};

export const halfOpen: Scenario = {
  name: "half-open",
  faults: "F18",
  expects: "the server lets go of connections that fell silent (KA1)",
  seconds: 90,
  async run({ world }) {
    const { cluster, companies } = world;
    const link = await cluster.addLink(cluster.node);
    const url = `http://127.0.0.1:${link.port}`;
    const { connectRaw } = await import("../raw-client.ts");
    const { createCustomer } = await import("../people.ts");
    const connections = () => cluster.node.metric("presszero_ws_connections");
    const before = (await connections()) ?? 0;
    for (let index = 0; index < 20; index++) {
      const text = `[[A|text]] silent ${index}`;
      const silent = await createCustomer(cluster.node.directUrl, companies[0], text);
      world.history.record({ op: "send", client: "setup", c: silent.conversationId, cid: silent.firstClientId, text });
      await connectRaw({ url, token: silent.token, deviceId: silent.deviceId });
    }
    const during = (await connections()) ?? 0;
    if (during < before + 20) throw new Error(`Only ${during - before} of 20 connections are open.`);
    link.set({ kind: "blackhole" });
    const began = performance.now();
    while (((await connections()) ?? 0) > before && performance.now() - began < 110_000) await sleep(500);
    // 60 s of silence, noticed at the next beat of the heart (25 s), and 30 s for a close that nobody answers.
    world.time("the server lets go of silent connections", (performance.now() - began) / 1000, 100);
    link.set({ kind: "pass" });
    world.time("all devices agree again", await world.settle(), 30);
  },
};
