// The faults, each with its cure, and a seeded schedule of them.
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Mode } from "./proxy.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

export type Fault = {
  name: string;
  /** How long it may last, seconds. */
  seconds: [from: number, to: number];
  /** Answers what ends it. */
  inject(world: World): Promise<() => Promise<void> | void>;
};

/** Another session locks the row of one conversation. */
export async function lockConversation(world: World, c: string): Promise<() => Promise<void>> {
  const client = await world.cluster.connect();
  await client.query("begin");
  await client.query("select 1 from conversation where id = $1 for update", [c]);
  return async () => {
    await client.query("rollback").catch(() => {});
    await client.end().catch(() => {});
  };
}

/** Another session has written something and does not end, so nothing after it is below the horizon. */
export async function openLongTransaction(world: World): Promise<() => Promise<void>> {
  const client = await world.cluster.connect();
  await client.query("begin");
  await client.query("insert into system_meta (name, value) values ('chaos', 'long transaction')");
  return async () => {
    await client.query("rollback").catch(() => {});
    await client.end().catch(() => {});
  };
}

/** Takes every connection that Postgres gives to ordinary logins, and ends those of the server. */
export async function takeConnections(world: World): Promise<() => Promise<void>> {
  const { postgres, database } = world.cluster;
  const taken: pg.Client[] = [];
  const grab = async () => {
    for (;;) {
      const client = new pg.Client({ connectionString: postgres.url(database), application_name: "chaos" });
      client.on("error", () => {});
      try {
        await client.connect();
        taken.push(client);
      } catch {
        await client.end().catch(() => {});
        return;
      }
    }
  };
  await grab();
  for (let round = 0; round < 3; round++) {
    await world.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name like 'presszero%'`,
    );
    await grab();
  }
  return async () => void (await Promise.all(taken.map((client) => client.end().catch(() => {}))));
}

const onClientLink = (name: string, mode: Mode, seconds: [number, number]): Fault => ({
  name: `clients → server: ${name}`,
  seconds,
  async inject({ cluster }) {
    cluster.node.clientLink.set(mode);
    return () => cluster.node.clientLink.set({ kind: "pass" });
  },
});

const onDatabaseLink = (name: string, mode: Mode, seconds: [number, number]): Fault => ({
  name: `server → database: ${name}`,
  seconds,
  async inject({ cluster }) {
    cluster.node.databaseLink.set(mode);
    return () => cluster.node.databaseLink.set({ kind: "pass" });
  },
});

const faults: readonly Fault[] = [
  {
    name: "kill -9 of the server",
    seconds: [0.2, 2],
    async inject({ cluster }) {
      await cluster.node.kill();
      return async () => void (await cluster.node.start());
    },
  },
  {
    name: "kill -9 of PostgreSQL",
    seconds: [0.5, 4],
    async inject({ cluster }) {
      await cluster.killPostgres();
      return () => cluster.startPostgres();
    },
  },
  {
    name: "the server stands still (SIGSTOP)",
    seconds: [1, 6],
    async inject({ cluster }) {
      cluster.node.freeze();
      return () => cluster.node.thaw();
    },
  },
  {
    name: "PostgreSQL stands still (SIGSTOP)",
    seconds: [1, 8],
    async inject({ cluster }) {
      await cluster.postgres.freeze();
      return () => cluster.postgres.thaw();
    },
  },
  {
    name: "a device is killed",
    seconds: [0.2, 3],
    async inject({ devices, random }) {
      const device = random.pick(devices);
      device.kill();
      return () => device.start();
    },
  },
  {
    name: "the row of a conversation is locked",
    seconds: [1, 8],
    inject: (world) => lockConversation(world, world.random.pick(world.customers).conversationId),
  },
  { name: "a long writing transaction", seconds: [3, 10], inject: openLongTransaction },
  { name: "no database connection is left", seconds: [2, 6], inject: takeConnections },
  onClientLink("all connections are reset", { kind: "rst" }, [0.1, 2]),
  onClientLink("slow (150 ms, jitter 300 ms)", { kind: "latency", ms: 150, jitter: 300 }, [3, 8]),
  onClientLink("4 KiB/s", { kind: "rate", bytesPerSecond: 4096 }, [3, 6]),
  onClientLink("silence", { kind: "blackhole" }, [2, 8]),
  onClientLink("silence upwards", { kind: "oneway", drop: "up" }, [2, 8]),
  onClientLink("silence downwards", { kind: "oneway", drop: "down" }, [2, 8]),
  onClientLink("cut in the middle of a message", { kind: "truncate", bytes: 3000, only: "down" }, [1, 4]),
  onDatabaseLink("all connections are reset", { kind: "rst" }, [0.1, 2]),
  onDatabaseLink("500 ms slower", { kind: "latency", ms: 500, jitter: 100 }, [3, 8]),
  onDatabaseLink("silence", { kind: "blackhole" }, [2, 6]),
  onDatabaseLink("silence downwards", { kind: "oneway", drop: "down" }, [2, 6]),
  onDatabaseLink("cut in the middle of a message", { kind: "truncate", bytes: 5000, only: "up" }, [1, 4]),
];

/** Faults one after the other, sometimes two at once, until the time is over; at the end all are healed. */
export async function runNemesis(world: World, seconds: number, random: Random): Promise<void> {
  const until = performance.now() + seconds * 1000;
  const isOver = () => performance.now() >= until;
  const pauseMs = () => Math.min(random.between(500, 4000), Math.max(0, until - performance.now()));

  async function runFault(fault: Fault): Promise<void> {
    let heal: () => Promise<void> | void = () => {};
    await world.during(
      fault.name,
      random.between(fault.seconds[0] * 10, fault.seconds[1] * 10) / 10,
      async () => void (heal = await fault.inject(world)),
      () => heal(),
    );
  }

  while (!isOver()) {
    const [first, second] = [random.pick(faults), random.pick(faults)];
    const isPair = random.next() < 0.2 && kindOf(first) !== kindOf(second);
    await Promise.all([runFault(first), ...(isPair ? [runFault(second)] : [])]);
    await sleep(pauseMs());
  }
}

/** Two faults at once must not be two on the same thing: the end of one would end the other. */
function kindOf({ name }: Fault): string {
  if (name.startsWith("clients →")) return "client link";
  if (name === "a device is killed") return "device";
  return name.startsWith("kill -9 of the server") || name.startsWith("the server") ? "server" : "database";
}
