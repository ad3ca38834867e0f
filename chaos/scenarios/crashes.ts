// Processes that are killed: the server at telling moments (F1, F3, F4, F5), PostgreSQL under it (F7, F8).
import { setTimeout as sleep } from "node:timers/promises";
import type { ConversationId } from "@presszero/contracts";
import type { Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

/** Waits until `find` answers something; throws after 20 s. */
async function until<T>(what: string, find: () => Promise<T | null | undefined> | T | null | undefined): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const found = await find();
    if (found !== null && found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await sleep(20);
  }
}

const isStored = (world: World, cid: string) =>
  world
    .query<{ mid: string; seq: string }>("select id as mid, seq from message where client_id = $1", [cid])
    .then(([row]) => row);

const roundsIn = (seconds: number) => Math.max(1, Math.round(seconds / 4));

export const killServer: Scenario = {
  name: "kill-server",
  faults: "F1",
  expects: "clients come back with jitter, send again what was not answered; nothing is lost or doubled",
  seconds: 20,
  async run({ world, seconds }) {
    const { node } = world.cluster;
    world.traffic.start();
    for (let round = 0; round < Math.max(1, seconds / 8); round++) {
      await sleep(2000);
      await world.during("kill -9 of the server", 0.5, node.kill, async () => void (await node.start()));
      world.time("a message is stored after the restart", await world.untilUsable(), 5);
    }
    await sleep(2000);
    world.time("all devices agree again", await world.settle(), 30);
  },
};

/** One customer sends; the server dies after the commit, before it hears of it. */
async function dieAfterCommit(world: World): Promise<{ cid: string; c: ConversationId; storedAt: number }> {
  const { node } = world.cluster;
  const customer = world.device("customer-1");
  const c = customer.held()[0]!;
  // The writer needs a connection that is open and idle, or it could not even begin: no receipts may be on their way.
  await world.untilUsable();
  await sleep(2000);
  await until("the sender's connection", () => customer.sync().getState().connection.name === "live" || null);
  node.databaseLink.set({ kind: "oneway", drop: "down" });
  const cid = customer.send(c, "sent while the answer of the database is lost");
  await until("the commit", () => isStored(world, cid));
  const storedAt = performance.now();
  await node.kill();
  node.databaseLink.set({ kind: "pass" });
  return { cid, c, storedAt };
}

export const killAfterCommit: Scenario = {
  name: "kill-after-commit",
  faults: "F3",
  expects: "the message is sent again under its client id and answered as a duplicate, with the same id and seq",
  seconds: 10,
  async run({ world, seconds }) {
    for (let round = 1; round <= roundsIn(seconds); round++) {
      const { cid } = await dieAfterCommit(world);
      const stored = await isStored(world, cid);
      await world.cluster.node.start();
      world.device("customer-1").sync().wake();
      const began = performance.now();
      const ok = await until("the answer to the repeated send", () =>
        world.history.entries.find((entry) => entry.op === "ok" && entry.cid === cid),
      );
      if (ok.op !== "ok" || !ok.duplicate || ok.mid !== stored!.mid) {
        throw new Error(`The repeated send was not answered as a duplicate: ${JSON.stringify(ok)}`);
      }
      world.time(`round ${round}: answered as a duplicate`, (performance.now() - began) / 1000, 15);
    }
    world.time("all devices agree again", await world.settle(), 30);
  },
};

export const killBeforeCommit: Scenario = {
  name: "kill-before-commit",
  faults: "F4",
  expects: "the open transaction is gone, no number is lost; the message gets the next one",
  seconds: 10,
  async run({ world, seconds }) {
    const { node } = world.cluster;
    const customer = world.device("customer-1");
    const c = customer.held()[0]!;
    const heads = () => world.query<{ seq: string }>("select seq from conversation where id = $1", [c]);
    for (let round = 1; round <= roundsIn(seconds); round++) {
      await world.untilUsable();
      await until("the sender's connection", () => customer.sync().getState().connection.name === "live" || null);
      const [before] = await heads();
      // The writer takes the next number, then waits for this lock with its transaction open.
      const blocker = await world.cluster.connect();
      await blocker.query("begin; lock table message in share mode");
      const cid = customer.send(c, "sent into a transaction that never ends");
      const writer = await until("the waiting writer", async () => {
        const rows = await world.query<{ pid: number }>(
          `select pid from pg_stat_activity where datname = current_database() and application_name = 'presszero_writer'
           and wait_event_type = 'Lock'`,
        );
        return rows[0];
      });
      await node.kill();
      await world.query("select pg_terminate_backend($1)", [writer.pid]);
      await blocker.query("rollback");
      await blocker.end();
      const [after] = await heads();
      if (after!.seq !== before!.seq || (await isStored(world, cid))) {
        throw new Error(`The transaction left traces: seq ${before!.seq} became ${after!.seq}.`);
      }
      await node.start();
      customer.sync().wake();
      await until("the message", () => isStored(world, cid));
    }
    world.time("all devices agree again", await world.settle(), 30);
  },
};

export const killBeforeHint: Scenario = {
  name: "kill-before-hint",
  faults: "F5",
  expects: "people on another node get the message through the sweeper",
  seconds: 10,
  async run({ world, seconds }) {
    const { cluster, lena } = world;
    const other = await cluster.addNode();
    const watcher = world.addDevice({
      name: "lena-elsewhere",
      side: "business",
      person: lena,
      url: other.url,
      token: await lena.signIn(),
    });
    for (const c of world.device("lena-tab").held()) watcher.hold(c);
    watcher.start();
    await until("the second node's client", () => watcher.sync().getState().connection.name === "live" || null);
    await sleep(1000);
    for (let round = 1; round <= roundsIn(seconds); round++) {
      const { cid, c, storedAt } = await dieAfterCommit(world);
      const stored = await isStored(world, cid);
      await until("the message on the other node", () =>
        watcher
          .sync()
          .getState()
          .conversations[c]?.events.find((event) => event.seq === Number(stored!.seq)),
      );
      world.time(`round ${round}: shown on the other node`, (performance.now() - storedAt) / 1000, 5);
      await cluster.node.start();
      world.device("customer-1").sync().wake();
    }
    world.time("all devices agree again", await world.settle(), 30);
  },
};

export const killPostgres: Scenario = {
  name: "kill-postgres",
  faults: "F7",
  expects: "sends fail for now and wait on the device; the pools recover without a restart of the server",
  seconds: 30,
  async run({ world, seconds }) {
    const { cluster } = world;
    world.traffic.start();
    for (let round = 0; round < Math.max(1, seconds / 15); round++) {
      await sleep(2000);
      await world.during("kill -9 of PostgreSQL", 3, cluster.killPostgres, cluster.startPostgres);
      world.time("a message is stored after the database is up", await world.untilUsable(), 15);
    }
    await sleep(2000);
    world.time("all devices agree again", await world.settle(), 30);
  },
};

export const stopPostgres: Scenario = {
  name: "stop-postgres",
  faults: "F8",
  expects: "the server stays up and says that it is not ready; nobody is told that a message was sent",
  seconds: 30,
  async run({ world, seconds }) {
    const { cluster } = world;
    world.traffic.start();
    await sleep(2000);
    let wasReady = 0;
    let wasAlive = 0;
    let asked = 0;
    const watch = async () => {
      // What /readyz found out may be two seconds old.
      await sleep(4000);
      const end = performance.now() + (seconds - 5) * 1000;
      while (performance.now() < end) {
        asked++;
        if (await cluster.node.isReady()) wasReady++;
        if ((await fetch(`${cluster.node.directUrl}/healthz`).catch(() => null))?.ok) wasAlive++;
        await sleep(1000);
      }
    };
    await Promise.all([
      world.during("PostgreSQL is stopped", seconds, cluster.stopPostgres, cluster.startPostgres),
      watch(),
    ]);
    if (wasReady > 0) throw new Error(`/readyz said yes ${wasReady} of ${asked} times without a database.`);
    if (wasAlive < asked) throw new Error(`/healthz answered ${wasAlive} of ${asked} times.`);
    world.time("a message is stored after the database is up", await world.untilUsable(), 15);
    world.time("all devices agree again", await world.settle(), 30);
  },
};
