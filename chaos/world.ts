// A cluster with people on it: two companies, agents with several devices, customers, all recorded.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConversationId } from "@presszero/contracts";
import { ApiError, createApi } from "@presszero/sdk";
import type pg from "pg";
import { check } from "./check.ts";
import type { Violation } from "./invariants.ts";
import type { Caps } from "./check-bounds.ts";
import { createDevice, type Device } from "./client.ts";
import { type Cluster, type Node, readUsage, startCluster } from "./cluster.ts";
import { dumpDatabase } from "./dump.ts";
import { type History, markText, type Side } from "./history.ts";
import { type Agent, type Company, createAgent, createCompanies, createCustomer, type Customer } from "./people.ts";
import type { Postgres } from "./postgres.ts";
import type { Random } from "./random.ts";
import { createTraffic, type Traffic } from "./traffic.ts";

/** I8: what agrees again this long after the last fault has healed. */
const convergenceSeconds = 30;

export type World = {
  cluster: Cluster;
  history: History;
  random: Random;
  companies: [Company, Company];
  /** An agent of the first company, on a tab and a phone with a session each. */
  lena: Agent;
  customers: Customer[];
  devices: Device[];
  device(name: string): Device;
  traffic: Traffic;
  addDevice(options: { name: string; side: Side; person: Person; url: string; token: string }): Device;
  /** Runs a fault: begin, wait, end. Both ends are on record. */
  during(
    name: string,
    seconds: number,
    begin: () => Promise<void> | void,
    end: () => Promise<void> | void,
  ): Promise<void>;
  /** Waits until a message that is sent now is stored; answers the seconds. */
  untilUsable(node?: Node): Promise<number>;
  /** Ends every fault that a scenario that failed may have left. */
  heal(): Promise<void>;
  /** Ends the traffic and waits until every device agrees with the database; answers the seconds, at most 30. */
  settle(): Promise<number>;
  /** Something that has a bound (I15). */
  time(what: string, seconds: number, bound: number): void;
  /** Something worth telling. */
  say(text: string): void;
  /** Past all faults, as the superuser; opened anew after the database was gone. */
  query<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  check(caps: Caps): Promise<Violation[]>;
  close(): Promise<void>;
};

export type Person = { company: Company; id: string; deviceId?: string };

export type WorldOptions = {
  history: History;
  random: Random;
  say: (text: string) => void;
  customers: number;
  postgres?: Postgres;
  env?: Record<string, string>;
  pause?: [number, number];
  onlySends?: boolean;
};

export async function createWorld(options: WorldOptions): Promise<World> {
  const { history, random, say } = options;
  const cluster = await startCluster(options);
  try {
    return await populate(cluster, options);
  } catch (error) {
    say(`The server wrote:\n${cluster.nodes[0]?.output() ?? ""}`);
    await cluster.close();
    throw error;
  }

  async function populate(cluster: Cluster, { customers: count }: WorldOptions): Promise<World> {
    const devices: Device[] = [];
    const timings: { what: string; seconds: number; bound: number }[] = [];
    let sql: pg.Client | null = null;

    const companies = await createCompanies(cluster.node);
    const [a, b] = companies;
    const lena = await createAgent(cluster.node, a, "Lena");
    const omar = await createAgent(cluster.node, a, "Omar");
    const bob = await createAgent(cluster.node, b, "Bob");

    async function addCustomer(company: Company, name: string): Promise<Customer> {
      const text = markText(company.letter, "text", `${name} is here`);
      const customer = await createCustomer(cluster.node.directUrl, company, text);
      const { conversationId: c, firstClientId: cid } = customer;
      history.record({ op: "send", client: name, c, cid, text });
      return customer;
    }
    const customers: Customer[] = [];
    for (let index = 0; index < count; index++) {
      customers.push(await addCustomer(index % 4 === 3 ? b : a, `customer-${index + 1}`));
    }
    const probe = await addCustomer(a, "probe");

    function addDevice(of: { name: string; side: Side; person: Person; url: string; token: string }): Device {
      const device = createDevice({
        name: of.name,
        side: of.side,
        company: of.person.company.letter,
        person: of.person.id,
        url: of.url,
        token: of.token,
        deviceId: of.person.deviceId ?? randomUUID(),
        file: join(cluster.directory, `${of.name}.json`),
        history,
      });
      devices.push(device);
      return device;
    }

    const { url } = cluster.node;
    addDevice({ name: "lena-tab", side: "business", person: lena, url, token: lena.token });
    addDevice({ name: "lena-phone", side: "business", person: lena, url, token: await lena.signIn() });
    addDevice({ name: "omar", side: "business", person: omar, url, token: omar.token });
    addDevice({ name: "bob", side: "business", person: bob, url, token: bob.token });
    for (const [index, customer] of customers.entries()) {
      const name = `customer-${index + 1}`;
      addDevice({ name, side: "contact", person: customer, url, token: customer.token }).hold(customer.conversationId);
    }
    for (const device of devices) {
      if (device.side !== "business") continue;
      for (const customer of [...customers, probe]) {
        if (customer.company.letter === device.company) device.hold(customer.conversationId);
      }
    }
    for (const device of devices) device.start();
    const traffic = createTraffic(devices, {
      random,
      pause: options.pause ?? [200, 900],
      onlySends: options.onlySends,
    });

    async function query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
      try {
        sql ??= await cluster.connect();
        return (await sql.query<T>(text, values)).rows;
      } catch (error) {
        void sql?.end().catch(() => {});
        sql = null;
        throw error;
      }
    }

    /** Why the world is not at rest yet; null when it is. */
    async function findUnrest(): Promise<string | null> {
      const heads = new Map(
        (
          await query<{ c: string; seq: string; public_seq: string }>(
            "select id as c, seq, public_seq from conversation",
          )
        ).map((row) => [row.c, { business: Number(row.seq), contact: Number(row.public_seq) }]),
      );
      const read = new Map<string, number>();
      for (const device of devices) {
        if (!device.isRunning()) continue;
        const state = device.sync().getState();
        if (state.connection.name === "stopped") continue;
        if (state.connection.name !== "live") return `${device.name} is ${state.connection.name}`;
        if (state.outbox.some((item) => item.state !== "not_sent")) return `${device.name} has unsent messages`;
        for (const c of device.held()) {
          const record = state.conversations[c];
          if (!record?.synced || record.last !== heads.get(c)?.[device.side])
            return `${device.name} lacks events of ${c}`;
          const key = `${device.person} ${c}`;
          const mark = read.get(key) ?? record.summary.marks.myRead;
          if (mark !== record.summary.marks.myRead) return `${device.name} has another read mark in ${c}`;
          read.set(key, mark);
        }
      }
      const [behind] = await query<{ count: string }>(
        "select count(*) from consumer c where exists (select 1 from event e where (e.xid, e.id) > (c.xid, c.id))",
      );
      return Number(behind?.count) > 0 ? "consumers have events to read" : null;
    }

    async function untilRest(seconds: number): Promise<number> {
      const began = performance.now();
      const elapsed = () => (performance.now() - began) / 1000;
      for (;;) {
        const unrest = await findUnrest().catch((error: Error) => error.message);
        if (unrest === null) return elapsed();
        if (elapsed() > seconds) {
          say(`  not at rest after ${seconds} s: ${unrest}`);
          return elapsed();
        }
        await sleep(100);
      }
    }

    const sampler = setInterval(() => void sample().catch(() => {}), 1000);
    async function sample(): Promise<void> {
      const rows = await query<{ count: string }>(
        "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'presszero%'",
      ).catch(() => []);
      const databaseConnections = Number(rows[0]?.count ?? 0);
      for (const node of cluster.nodes) {
        const pid = node.pid();
        const usage = pid === null ? null : await readUsage(pid);
        if (usage) history.record({ op: "sample", node: node.name, ...usage, databaseConnections });
      }
      const marks = await query<{ c: string; reader: string; seq: string }>(
        "select conversation_id as c, reader_id as reader, read_seq as seq from conversation_mark",
      ).catch(() => []);
      for (const { c, reader, seq } of marks) history.record({ op: "stored_read", c, reader, seq: Number(seq) });
    }

    const world: World = {
      cluster,
      history,
      random,
      companies,
      lena,
      customers,
      devices,
      device(name) {
        const found = devices.find((device) => device.name === name);
        if (!found) throw new Error(`There is no device ${name}.`);
        return found;
      },
      traffic,
      addDevice,
      async during(name, seconds, begin, end) {
        say(`  ${(history.now() / 1000).toFixed(1).padStart(6)} s  ${name}, ${seconds.toFixed(1)} s`);
        history.record({ op: "fault", name, phase: "begin" });
        await begin();
        try {
          await sleep(seconds * 1000);
        } finally {
          await end();
          history.record({ op: "fault", name, phase: "end" });
        }
      },
      async untilUsable(node = cluster.node) {
        const began = performance.now();
        const clientId = randomUUID();
        const text = markText(probe.company.letter, "text", "is anybody there?");
        const { conversationId } = probe;
        history.record({ op: "send", client: "probe", c: conversationId, cid: clientId, text });
        const api = createApi({ baseUrl: node.directUrl, token: probe.token });
        for (;;) {
          try {
            await api("POST /v1/my/conversations/:conversationId/messages", {
              params: { conversationId: conversationId as ConversationId },
              body: { kind: "text", text },
              clientId,
              signal: AbortSignal.timeout(3000),
            });
            return (performance.now() - began) / 1000;
          } catch (error) {
            const mayPass = !(error instanceof ApiError) || error.retry;
            if (!mayPass || performance.now() - began > 120_000) throw error;
            await sleep(100);
          }
        }
      },
      async heal() {
        await cluster.postgres.thaw();
        if (!(await cluster.postgres.isRunning())) await cluster.startPostgres();
        for (const node of cluster.nodes) {
          node.clientLink.set({ kind: "pass" });
          node.databaseLink.set({ kind: "pass" });
          node.thaw();
          if (node.pid() === null) await node.start();
        }
        for (const device of devices) device.start();
      },
      async settle() {
        traffic.stop();
        // Somebody looks at every screen again: pauses of up to two minutes between tries end here.
        for (const device of devices) if (device.isRunning()) device.sync().wake();
        return untilRest(convergenceSeconds);
      },
      time(what, seconds, bound) {
        timings.push({ what, seconds, bound });
        say(`  ${seconds <= bound ? "✓" : "✗"} ${what}: ${seconds.toFixed(2)} s (at most ${bound} s)`);
      },
      say,
      query,
      async check(caps) {
        const dump = await dumpDatabase(await cluster.connect().then((client) => (sql = client)));
        return check({ entries: history.entries, dump, caps, timings });
      },
      async close() {
        clearInterval(sampler);
        traffic.stop();
        for (const device of devices) device.stop();
        await sql?.end().catch(() => {});
        await cluster.close();
      },
    };
    const seconds = await untilRest(convergenceSeconds);
    if (seconds > convergenceSeconds) {
      await world.close();
      throw new Error(`The devices do not agree before any fault.\n${cluster.node.output()}`);
    }
    say(`  ready: ${devices.length} devices agree after ${seconds.toFixed(1)} s`);
    return world;
  }
}
