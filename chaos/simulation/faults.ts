// What goes wrong: brings about a fault of the plan, and ends it.
import { block, openRoad } from "./network.ts";
import type { Fault } from "./plan.ts";
import { keyOf, noWrites } from "./tables.ts";
import type { World } from "./world.ts";

/** After these a moved mark may never have been told; it is no event, and read at the next resume. */
const losingSignals = new Set<Fault["fault"]>([
  "lostHints",
  "lostAnswers",
  "crash",
  "drain",
  "databaseDown",
  "restore",
]);
export const mayLoseSignals = (faults: readonly Fault[]) => faults.some(({ fault }) => losingSignals.has(fault));

export function cause(world: World, fault: Fault): void {
  const { plan, scheduler, db, seats, processes, startServer } = world;
  world.tell(() => `FAULT ${JSON.stringify(fault)}`);
  const until = (what: () => void) => void scheduler.after(fault.ms, what);
  switch (fault.fault) {
    case "cut":
      for (const line of seats.get(fault.device)!.lines) line.cut(fault.told);
      return;
    case "block":
      return until(block(seats.get(fault.device)!.road, fault.directions));
    case "slow": {
      const { road } = seats.get(fault.device)!;
      road.delay = fault.delay;
      return until(() => void (road.delay = openRoad().delay));
    }
    case "kill": {
      const seat = seats.get(fault.device)!;
      world.kill(seat, fault.told);
      return until(() => world.boot(seat.device));
    }
    case "clock":
      return seats.get(fault.device)!.device.moveClock(fault.by);
    case "signOut": {
      const { device } = seats.get(fault.device)!;
      world.signedOut.add(device.deviceId);
      for (const process of processes) process.accessChanged(device.person.companyId);
      return until(() => {
        world.signedOut.delete(device.deviceId);
        world.kill(seats.get(fault.device)!, true);
        world.boot(device);
      });
    }
    case "crash":
      processes[fault.process]!.crash(fault.told);
      return until(() => processes[fault.process]!.isDead() && startServer(fault.process));
    case "drain": {
      const process = processes[fault.process]!;
      if (process.isDead()) return;
      process.drain(5_000);
      // It finishes what it has in hand, and another one takes its place.
      scheduler.after(300, () => {
        if (process.isDead()) return;
        process.crash(true);
        startServer(fault.process);
      });
      return;
    }
    case "freeze":
      return processes[fault.process]!.freeze(fault.ms);
    case "databaseDown":
      db.crash();
      return until(() => void (db.trouble.isDown = false));
    case "databaseSlow":
      db.trouble.delay = fault.delay;
      return until(() => void (db.trouble.delay = plan.databaseDelay));
    case "databaseFailing":
      db.trouble.failing = fault.rate;
      return until(() => void (db.trouble.failing = 0));
    case "lostAnswers":
      db.trouble.lostAnswers = fault.rate;
      return until(() => void (db.trouble.lostAnswers = 0));
    case "lostHints":
      world.lostHints = fault.rate;
      return until(() => void (world.lostHints = 0));
    case "lock":
    case "stall": {
      const rows = [...db.tables.conversations.values()];
      const row = fault.fault === "lock" ? rows[fault.pick % Math.max(1, rows.length)] : undefined;
      // Somebody else's transaction: it holds a conversation, or has only written something of its own.
      const locks = [row ? keyOf(row.companyId, row.id) : `other ${fault.at}`];
      const plan = () => ({ results: null, writes: noWrites() });
      const transaction = db.database.begin({ locks, wait: true, plan });
      return until(() => db.database.rollback(transaction));
    }
    case "restore":
      return restore(world, fault);
  }
}

/** The database is put back to an earlier state, as after the loss of a machine: everything that was stored since is gone. */
function restore(world: World, { at, back, ms }: Extract<Fault, { fault: "restore" }>): void {
  const { db, processes, scheduler } = world;
  const backup = db.database.backups.get(at - back);
  if (!backup) return;
  for (const process of processes) process.crash(true);
  db.crash();
  db.database.restore(backup);
  world.epoch++;
  world.watch.restored();
  // A known limit: a client that has loaded its list by HTTP and was never welcomed cannot tell that the list is of another
  // history. It takes a restore between the two; here such a page is loaded again.
  for (const seat of world.seats.values()) {
    if (!seat.device.isRunning() || seat.device.state()?.epoch !== null) continue;
    world.kill(seat, true);
    world.boot(seat.device);
  }
  scheduler.after(ms, () => {
    db.trouble.isDown = false;
    for (const [place, process] of processes.entries()) if (process.isDead()) world.startServer(place);
  });
}

/** What has to be done beforehand. */
export function prepare({ scheduler, db }: World, fault: Fault): void {
  if (fault.fault === "restore")
    scheduler.after(fault.at - fault.back, () => db.database.backUp(fault.at - fault.back));
}
