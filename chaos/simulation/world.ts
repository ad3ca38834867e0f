// One simulation: the plan is carried out step by step, and after each step the promises are checked.
import type { AgentId, CompanyId, ConversationId, MessageId, MessageKind } from "@presszero/contracts";
import type { MessageRow } from "../../apps/server/src/modules/conversations/message-writer.ts";
import { bodyHash } from "../../apps/server/src/modules/conversations/rules.ts";
import type { Violation } from "../invariants.ts";
import { findDisagreement, findDropped, findWrongMarks } from "./agreement.ts";
import { planMessages } from "./commit-rule.ts";
import { type Cores, realCores } from "./cores.ts";
import { createDatabaseServer, failureOf } from "./database-server.ts";
import { createDevice, type Device } from "./device.ts";
import { serve } from "./http.ts";
import { block, type End, type Line, openLine, openRoad, type Road } from "./network.ts";
import { type Action, type DeviceSpec, type Fault, type Plan, randomFor } from "./plan.ts";
import { heartbeat, type Process, startProcess, type Ticket } from "./process.ts";
import { createScheduler } from "./scheduler.ts";
import { keyOf, type Person } from "./tables.ts";
import { findHead } from "./reads.ts";
import { BrokenPromise, createWatch, textOf } from "./watch.ts";

/** So long may it take until all agree again, after everything has healed. */
const patienceMs = 200_000;
const requestTimeoutMs = 15_000;

const losesSignals = new Set<Fault["fault"]>(["lostHints", "lostAnswers", "crash", "drain", "databaseDown"]);

export type Verdict = { violation: Violation | null; steps: number; ms: number; messages: number };

export type Options = { cores?: Cores; trace?: (line: string) => void };

export function simulate(plan: Plan, { cores = realCores, trace }: Options = {}): Verdict {
  const scheduler = createScheduler();
  const random = (part: string) => randomFor(plan.seed, part);
  const tell = (line: () => string) => trace?.(`${(scheduler.now() / 1000).toFixed(3).padStart(9)}  ${line()}`);
  const db = createDatabaseServer(scheduler, random("database"), cores);
  db.trouble.delay = plan.databaseDelay;
  const watch = createWatch(db.tables);
  db.database.onCommit(watch.committing);
  const tickets = new Map<string, Ticket>();
  const relayRandom = random("relay");
  let lostHints = 0;
  let ids = 0;
  const newId = (prefix: string) => `${prefix}_${String(++ids).padStart(26, "0")}`;
  const isSignedIn = () => true;

  // ---- who is there

  const companyIds = { A: newId("cmp"), B: newId("cmp") };
  const people = new Map<string, Person>();
  function personOf({ company, side, person }: DeviceSpec): Person {
    const name = `${company} ${side === "contact" ? "customer" : "agent"} ${person}`;
    let known = people.get(name);
    if (known === undefined) {
      const id = newId(side === "contact" ? "con" : "agt");
      known = { companyId: companyIds[company] as CompanyId, type: side === "contact" ? "contact" : "agent", id, name };
      people.set(name, known);
      db.tables.people.set(keyOf(known.companyId, id), known);
    }
    return known;
  }

  const processes: (Process | null)[] = [];
  let epochs = 0;
  function startServer(place: number): void {
    processes[place] = startProcess({
      name: `server ${place + 1}.${++epochs}`,
      scheduler,
      random: random(`process ${place}`),
      db,
      cores,
      epoch: () => "e1",
      tickets,
      isSignedIn,
      newId,
      relay(packet) {
        for (const [other, process] of processes.entries()) {
          if (other === place || !process || relayRandom.next() < lostHints) continue;
          // A notification may be late, and after a broken connection of the listener it may come twice.
          for (let copies = relayRandom.next() < 0.05 ? 2 : 1; copies > 0; copies--)
            scheduler.after(relayRandom.between(0, 30), () => process.receive(packet));
        }
      },
      watchFrame: watch.frame,
      trace: tell,
      pressureAt: plan.pressureAt,
      mostFeedItems: plan.mostFeedItems,
    });
  }
  for (let place = 0; place < plan.processes; place++) startServer(place);

  const devices = new Map<string, { device: Device; road: Road; lines: Set<Line> }>();
  const lost = new Set<string>();
  for (const spec of plan.devices) devices.set(spec.name, place(spec));

  function place(spec: DeviceSpec): { device: Device; road: Road; lines: Set<Line> } {
    const road = openRoad();
    const lines = new Set<Line>();
    const chance = random(`road of ${spec.name}`);
    const pickServer = () => processes[chance.between(0, processes.length - 1)] ?? null;
    /** One way over the road, which may be blocked. */
    const travel = (direction: "up" | "down", what: () => void): void => {
      scheduler.after(chance.between(...road.delay), () => {
        if (road.blocks[direction] > 0) road.waiting.add(() => travel(direction, what));
        else what();
      });
    };
    const person = personOf(spec);
    const deviceId = `00000000-0000-4000-8000-${String(devices.size + 1).padStart(12, "0")}`;
    const device: Device = createDevice({
      spec,
      person,
      deviceId,
      scheduler,
      random: random(`device ${spec.name}`),
      dial(end, opened) {
        let line: Line | null = null;
        let isClosed = false;
        travel("up", () => {
          const server = pickServer();
          if (isClosed) return;
          if (!server || server.isDead()) return travel("down", () => isClosed || end.closed(1006));
          server.accept((serverEnd) => {
            line = openLine(
              scheduler,
              chance,
              road,
              answering(tracing(spec.name, end), () => line),
              serverEnd,
            );
            lines.add(line);
            return line;
          });
          travel("down", opened);
        });
        return {
          send: (text) => {
            tell(() => `${spec.name} → ${text}`);
            line?.up(text);
          },
          close(code) {
            isClosed = true;
            line?.close("client", code);
          },
        };
      },
      request(request, answer) {
        let isAnswered = false;
        const answered = (how: Parameters<typeof answer>[0]) => {
          if (isAnswered) return;
          isAnswered = true;
          tell(() => `${spec.name} ⇐ ${request.key} ${JSON.stringify(how).slice(0, 300)}`);
          answer(how);
        };
        const cancel = scheduler.after(requestTimeoutMs, () => answered({ failure: failureOf("UNAVAILABLE") }));
        travel("up", () => {
          const server = pickServer();
          const back = (how: Parameters<typeof answer>[0]) =>
            travel("down", () => {
              cancel();
              answered(how);
            });
          if (!server || server.isDead()) return back({ failure: failureOf("UNAVAILABLE") });
          server.enter(() =>
            serve({ db, tickets, isSignedIn }, server, { person, deviceId }, request, (how) =>
              server.enter(() => back(how)),
            ),
          );
        });
      },
      cores,
      changed: (state) => watch.changed(device, state),
      sends(clientId, c, kind, text) {
        tell(() => `${spec.name} sends "${text}" (${clientId}) in ${c ?? "a new conversation"}`);
        watch.pressed(device, clientId, c, kind, text);
      },
    });
    return { device, road, lines };
  }

  /** A WebSocket answers pings by itself. */
  function answering(end: End, line: () => Line | null): End {
    return {
      ...end,
      receive: (text) => (text === heartbeat ? line()?.up(heartbeat) : end.receive(text)),
    };
  }

  function tracing(name: string, end: End): End {
    if (!trace) return end;
    return {
      receive(text: string) {
        tell(() => `${name} ← ${text}`);
        end.receive(text);
      },
      closed(code: number) {
        tell(() => `${name} ← closed ${code}`);
        end.closed(code);
      },
    };
  }

  // ---- what they do

  let words = 0;
  const all = () => [...db.tables.conversations.values()];
  const theirs = (device: Device) => Object.keys(device.state()?.conversations ?? {}).sort() as ConversationId[];

  function act(action: Action): void {
    const known = devices.get(action.device);
    if (!known?.device.isRunning()) return;
    const { device } = known;
    const mine = theirs(device);
    const shown = [...device.shown()].filter((c) => mine.includes(c));
    const from = <T>(list: readonly T[]): T | undefined => list[action.pick % Math.max(1, list.length)];
    const say = (c: ConversationId | null, kind: MessageKind) =>
      device.say(c, kind, textOf(device, kind, `${++words} by ${device.name}`));
    const c = from(shown) ?? from(mine);
    if (action.do !== "say" && action.do !== "note" && action.do !== "start")
      tell(() => `${device.name}: ${action.do} ${c}`);
    switch (action.do) {
      case "start":
        if (device.spec.side === "contact") say(null, "text");
        return;
      case "say":
      case "note":
        for (let n = 0; n < action.count; n++) if (c) say(c, action.do === "note" ? "note" : "text");
        return;
      case "show": {
        const wanted = from(mine);
        if (wanted) device.show(wanted);
        return;
      }
      case "hide":
        return c && shown.length > 1 ? device.hide(c) : undefined;
      case "read":
        return c && device.markRead(c);
      case "older":
        return c && device.shown().has(c) ? device.loadOlder(c) : undefined;
      case "type":
        return c && device.type(c);
      case "wake":
        return device.wake();
      case "retry":
      case "discard": {
        const item = from(device.state()!.outbox.filter(({ state }) => state === "not_sent"));
        if (!item) return;
        if (action.do === "discard") {
          lost.add(item.clientId);
          return device.discard(item.clientId);
        }
        watch.retried(item.clientId);
        return device.retry(item.clientId);
      }
      case "close":
      case "reopen":
        return c && device.change(action.do, c, null);
      case "assign": {
        const agents = [...people.values()].filter(
          ({ companyId, type }) => companyId === device.person.companyId && type === "agent",
        );
        return c && device.change("assign", c, (from([...agents, null])?.id ?? null) as AgentId | null);
      }
      case "trespass": {
        const foreign = from(all().filter(({ id }) => findHead(db.tables, device.person, id) === null));
        if (foreign) device.trespass(foreign.id);
        return;
      }
      case "import":
        return c && importMessages(device.person.companyId, c, action.count);
    }
  }

  /** By an API key, in batches as the writer makes them. */
  function importMessages(companyId: CompanyId, c: ConversationId, count: number): void {
    const author: Person = { companyId, type: "agent", id: newId("key"), name: "A import" };
    db.tables.people.set(keyOf(companyId, author.id), author);
    const rows = Array.from({ length: count }, (_, n): MessageRow => {
      const message = { kind: "text" as const, text: `imported ${n}` };
      return {
        companyId,
        conversationId: c,
        messageId: newId("msg") as MessageId,
        deviceId: author.id,
        clientId: `00000000-0000-4000-9000-${String(n).padStart(12, "0")}`,
        bodyHash: bodyHash(message),
        authorType: "api_key",
        authorId: author.id,
        ...message,
      };
    });
    const key = keyOf(companyId, c);
    db.write(
      { locks: [key], wait: true, plan: (tables, held) => planMessages(tables, rows, held, new Date(db.now())) },
      () => {},
    );
  }

  // ---- what goes wrong

  function break_(fault: Fault): void {
    tell(() => `FAULT ${JSON.stringify(fault)}`);
    const until = (what: () => void) => void scheduler.after(fault.ms, what);
    const chance = random(`fault at ${fault.at}`);
    switch (fault.fault) {
      case "cut":
        for (const line of devices.get(fault.device)?.lines ?? []) line.cut(fault.told);
        return;
      case "block":
        return until(block(devices.get(fault.device)!.road, fault.directions));
      case "slow": {
        const { road } = devices.get(fault.device)!;
        road.delay = fault.delay;
        return until(() => void (road.delay = openRoad().delay));
      }
      case "kill": {
        const { device, lines } = devices.get(fault.device)!;
        kill(device, lines, chance.next() < 0.7);
        return until(() => boot(device));
      }
      case "clock":
        return devices.get(fault.device)?.device.moveClock(fault.by);
      case "crash":
        processes[fault.process]?.crash(fault.told);
        return until(() => processes[fault.process]?.isDead() && startServer(fault.process));
      case "drain": {
        const process = processes[fault.process];
        if (!process || process.isDead()) return;
        process.drain(5_000);
        // It finishes what it has in hand, and another one takes its place.
        scheduler.after(300, () => {
          process.crash(true);
          startServer(fault.process);
        });
        return;
      }
      case "freeze":
        return processes[fault.process]?.freeze(fault.ms);
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
        lostHints = fault.rate;
        return until(() => void (lostHints = 0));
      case "lock":
      case "stall": {
        const conversations = all();
        const row = fault.fault === "lock" ? conversations[fault.pick % Math.max(1, conversations.length)] : undefined;
        // Somebody else's transaction: it holds a conversation, or has only written something of its own.
        const locks = [row ? keyOf(row.companyId, row.id) : `other ${fault.at}`];
        const nothing = { results: null, writes: { conversations: [], messages: [], events: [], marks: [] } };
        const transaction = db.database.begin({ locks, wait: true, plan: () => nothing });
        return until(() => db.database.rollback(transaction));
      }
    }
  }

  function kill(device: Device, lines: Set<Line>, told: boolean): void {
    // What the person has just sent and the device had not stored yet goes with its memory.
    for (const item of device.state()?.outbox ?? []) if (!device.disk.has(item.clientId)) lost.add(item.clientId);
    device.kill();
    for (const line of lines) line.cut(told ? ["server"] : []);
    lines.clear();
  }

  function boot(device: Device): void {
    if (device.isRunning()) return;
    watch.started(device);
    device.start();
  }

  // ---- from beginning to end

  let steps = 0;
  const step = () => {
    steps++;
    return scheduler.step();
  };

  for (const { device } of devices.values()) scheduler.after(random("boot").between(0, 200), () => boot(device));
  for (const action of plan.actions) scheduler.after(action.at, () => act(action));
  for (const fault of plan.faults) scheduler.after(fault.at, () => break_(fault));

  const first = (find: (one: { device: Device }) => Violation | null): Violation | null => {
    for (const one of devices.values()) {
      const found = find(one);
      if (found) return found;
    }
    return null;
  };
  const verdict = (violation: Violation | null): Verdict => ({
    violation,
    steps,
    ms: scheduler.now(),
    messages: db.tables.messages.size,
  });
  try {
    while (scheduler.now() < plan.healAt) step();
    for (const { device } of devices.values()) boot(device);
    let problem: Violation | null = null;
    let hasResumed = false;
    for (let asked = 0; scheduler.now() < plan.healAt + patienceMs; step()) {
      if (scheduler.now() < asked + 1_000) continue;
      asked = scheduler.now();
      for (const { device } of devices.values()) device.wake();
      problem = first(({ device }) => findDisagreement(db.tables, device)) ?? findDropped(db.tables, watch, lost);
      if (problem !== null) continue;
      problem = first(({ device }) => findWrongMarks(db.tables, device));
      if (problem === null) return verdict(null);
      // A mark that moves is no event: whoever was not told learns of it when they come back.
      if (hasResumed || !plan.faults.some(({ fault }) => losesSignals.has(fault))) continue;
      hasResumed = true;
      for (const { lines } of devices.values()) for (const line of lines) line.cut(["client", "server"]);
    }
    return verdict(problem);
  } catch (error) {
    if (error instanceof BrokenPromise) return verdict(error.violation);
    throw error;
  } finally {
    for (const { device } of devices.values()) device.kill();
  }
}
