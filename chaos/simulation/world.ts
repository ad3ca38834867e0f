// Everything that takes part in one simulation: the database, the server processes, the people and their devices.
import type { CompanyId } from "@presszero/contracts";
import type { Random } from "../random.ts";
import type { Cores } from "./cores.ts";
import { createDatabaseServer, type DatabaseServer } from "./database-server.ts";
import type { Device } from "./device.ts";
import { type DeviceSpec, type Plan, randomFor } from "./plan.ts";
import { type Process, startProcess, type Ticket } from "./process.ts";
import { createScheduler, type Scheduler } from "./scheduler.ts";
import { type Seat, takeSeat } from "./seat.ts";
import { keyOf, type Person } from "./tables.ts";
import { createWatch, type Watch } from "./watch.ts";

export type World = {
  plan: Plan;
  scheduler: Scheduler;
  random: (part: string) => Random;
  /** A line of the history, if one is kept. */
  tell: (line: () => string) => void;
  hasTrace: boolean;
  cores: Cores;
  db: DatabaseServer;
  watch: Watch;
  people: Map<string, Person>;
  seats: Map<string, Seat>;
  /** By place; null: nobody is there for now. */
  processes: Process[];
  tickets: Map<string, Ticket>;
  /** Devices whose sign-in has ended. */
  signedOut: Set<string>;
  /** Of all hints between processes, so many are lost. */
  lostHints: number;
  /** Names the history of the database: another one after a restore. */
  epoch: number;
  /** Client ids of messages that nobody can be blamed for: discarded, or gone with a device before it had stored them. */
  lost: Set<string>;
  /** How many messages were written so far. */
  words: number;
  newId: (prefix: "cmp" | "con" | "agt" | "key" | "cnv" | "msg") => string;
  startServer: (place: number) => void;
  boot: (device: Device) => void;
  kill: (seat: Seat, told: boolean) => void;
};

export function createWorld(plan: Plan, cores: Cores, trace?: (line: string) => void): World {
  const scheduler = createScheduler();
  const random = (part: string) => randomFor(plan.seed, part);
  const db = createDatabaseServer(scheduler, random("database"), cores);
  db.trouble.delay = plan.databaseDelay;
  const relayed = random("relay");
  let ids = 0;
  let starts = 0;

  const world: World = {
    plan,
    scheduler,
    random,
    tell: (line) => trace?.(`${(scheduler.now() / 1000).toFixed(3).padStart(9)}  ${line()}`),
    hasTrace: trace !== undefined,
    cores,
    db,
    watch: createWatch(db.tables, () => epochName(world)),
    people: new Map(),
    seats: new Map(),
    processes: [],
    tickets: new Map(),
    signedOut: new Set(),
    lostHints: 0,
    epoch: 1,
    lost: new Set(),
    words: 0,
    newId: (prefix) => `${prefix}_${String(++ids).padStart(26, "0")}`,
    startServer,
    boot(device) {
      if (device.isRunning() || world.signedOut.has(device.deviceId)) return;
      world.watch.started(device);
      device.start();
    },
    kill({ device, lines }, told) {
      // What the person has just sent and the device had not stored yet goes with its memory.
      for (const { clientId } of device.state()?.outbox ?? []) if (!device.disk.has(clientId)) world.lost.add(clientId);
      device.kill();
      for (const line of lines) line.cut(told ? ["server"] : []);
      lines.clear();
    },
  };

  function startServer(place: number): void {
    world.processes[place] = startProcess({
      name: `server ${place + 1}.${++starts}`,
      scheduler,
      db,
      cores,
      epoch: epochName(world),
      tickets: world.tickets,
      isSignedIn: (_person, deviceId) => !world.signedOut.has(deviceId),
      newId: world.newId,
      relay(packet) {
        for (const [other, process] of world.processes.entries()) {
          if (other === place || relayed.next() < world.lostHints) continue;
          // A notification may be late, and after a broken connection of the listener it may come twice.
          for (let copies = relayed.next() < 0.05 ? 2 : 1; copies > 0; copies--)
            scheduler.after(relayed.between(0, 30), () => process.receive(packet));
        }
      },
      watchFrame: world.watch.frame,
      pressureAt: plan.pressureAt,
      mostFeedItems: plan.mostFeedItems,
    });
  }

  db.database.onCommit(world.watch.committing);
  const companies = { A: world.newId("cmp") as CompanyId, B: world.newId("cmp") as CompanyId };
  for (let place = 0; place < plan.processes; place++) startServer(place);
  for (const spec of plan.devices) world.seats.set(spec.name, takeSeat(world, spec, personOf(world, companies, spec)));
  return world;
}

const epochName = (world: World) => `epoch ${world.epoch}`;

function personOf(
  { people, db, newId }: World,
  companies: Record<"A" | "B", CompanyId>,
  { company, side, person }: DeviceSpec,
): Person {
  const isContact = side === "contact";
  const name = `${company} ${isContact ? "customer" : "agent"} ${person}`;
  let known = people.get(name);
  if (known === undefined) {
    const id = newId(isContact ? "con" : "agt");
    known = { companyId: companies[company], type: isContact ? "contact" : "agent", id, name };
    people.set(name, known);
    db.tables.people.set(keyOf(known.companyId, id), known);
  }
  return known;
}
