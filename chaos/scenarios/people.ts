// One person on several devices (F31), and clocks that are wrong (F24).
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createApi } from "@presszero/sdk";
import type { Scenario } from "../scenario.ts";

export const revoked: Scenario = {
  name: "revoked",
  faults: "F31",
  expects: "two tabs and a phone of one agent agree; the phone, whose session is revoked, gets nothing more",
  seconds: 15,
  async run({ world, seconds }) {
    const { cluster, lena, history } = world;
    const { node } = cluster;
    const phone = world.device("lena-phone");
    const tab = world.addDevice({
      name: "lena-tab-2",
      side: "business",
      person: lena,
      url: node.url,
      token: lena.token,
    });
    for (const c of phone.held()) tab.hold(c);
    tab.start();
    world.traffic.start();
    await sleep((seconds * 1000) / 2);
    const api = createApi({ baseUrl: node.directUrl, token: lena.token });
    const { items } = await api("GET /v1/sessions");
    const other = items.find((session) => !session.current);
    if (!other) throw new Error("The phone's session is not listed.");
    const began = history.now();
    await api("DELETE /v1/sessions/:sessionId", { params: { sessionId: other.id } });
    while (phone.sync().getState().connection.name !== "stopped" && history.now() - began < 10_000) await sleep(20);
    world.time("the revoked device is closed", (history.now() - began) / 1000, 5);
    const closed = history.now();
    const { connection } = phone.sync().getState();
    if (connection.name !== "stopped") throw new Error(`The phone is ${connection.name}.`);
    world.say(`    the phone says: ${connection.reason}`);
    history.record({ op: "end", client: phone.name, why: "revoked" });
    await sleep((seconds * 1000) / 2);
    const late = history.entries.filter(
      (entry) => entry.op === "frame" && entry.client === phone.name && entry.ts > closed,
    );
    if (late.length > 0)
      throw new Error(`The revoked phone received ${late.length} frames: ${JSON.stringify(late[0])}`);
    world.time("all devices agree", await world.settle(), 30);
  },
};

export const wrongClocks: Scenario = {
  name: "wrong-clocks",
  faults: "F24",
  expects: "nodes whose clocks differ by 20 minutes, one of which jumps back an hour, keep order, sign-in and tickets",
  seconds: 12,
  world: {
    env: { NODE_OPTIONS: `--import=${join(import.meta.dirname, "../skewed-clock.ts")}`, CLOCK_SKEW_MS: "600000" },
  },
  async run({ world, seconds }) {
    const { cluster, lena } = world;
    const late = await cluster.addNode({ CLOCK_SKEW_MS: "-600000" });
    const token = await lena.signIn();
    const watcher = world.addDevice({ name: "lena-late", side: "business", person: lena, url: late.url, token });
    for (const c of world.device("lena-tab").held()) watcher.hold(c);
    watcher.start();
    world.traffic.start();
    await sleep((seconds * 1000) / 3);
    const jump = () => {
      world.say("    the first node's clock jumps back one hour");
      process.kill(cluster.node.pid()!, "SIGUSR2");
      cluster.node.clientLink.cut();
    };
    jump();
    await sleep((seconds * 1000) / 3);
    world.say("    the first node is started again with a clock that is 10 minutes late");
    await cluster.node.kill();
    await cluster.node.start({ CLOCK_SKEW_MS: "-600000" });
    world.time("a message is stored", await world.untilUsable(), 5);
    await sleep((seconds * 1000) / 3);
    world.time("all devices agree", await world.settle(), 30);
  },
};
