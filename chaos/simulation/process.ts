// One server process: it carries out what the sessions and groups of the gateway decide, over the simulated database and
// network. A crash loses everything that is in here.
import type { CompanyId, ConversationId, ServerFrame } from "@presszero/contracts";
import type { Signal } from "../../apps/server/src/kernel/bus.ts";
import { type LaneEvent, toWire } from "../../apps/server/src/modules/conversations/wire.ts";
import type { Pressure, Session, SessionEffect, SessionInput } from "../../apps/server/src/modules/gateway/session.ts";
import type { Cores } from "./cores.ts";
import { answerCall, authorOf } from "./calls.ts";
import type { DatabaseServer } from "./database-server.ts";
import { createFeed } from "./feed.ts";
import type { End, Line } from "./network.ts";
import { createPresence } from "./presence.ts";
import { listEvents } from "./reads.ts";
import type { Scheduler } from "./scheduler.ts";
import { keyOf, type MarkRow, type Person } from "./tables.ts";
import { createWriter } from "./writer.ts";

export type Hint = { companyId: CompanyId; conversationId: ConversationId; seq: number };
export type Packet = { hint: Hint } | { signal: Signal };

export type Ticket = { person: Person; deviceId: string; isUsed: boolean };

export type ProcessPorts = {
  name: string;
  scheduler: Scheduler;
  db: DatabaseServer;
  cores: Cores;
  epoch: string;
  tickets: Map<string, Ticket>;
  isSignedIn: (person: Person, deviceId: string) => boolean;
  newId: (prefix: "cnv" | "msg") => string;
  /** To the other processes; may be lost. */
  relay: (packet: Packet) => void;
  /** Sees every frame before it is sent. */
  watchFrame: (to: Person, deviceId: string, frame: ServerFrame, text: string) => void;
  /** How many frames may wait for a client: at the first events go on, at the second nothing, at the third it is cut off. */
  pressureAt: [number, number, number];
  /** A client that missed more than so many changes has to read its list again. */
  mostFeedItems: number;
};

export type Connection = {
  session: Session;
  line: Line;
  person: Person | null;
  deviceId: string;
  timers: Map<string, () => void>;
  /** Frames of the client that wait because the session has paused. */
  held: SessionInput[] | null;
  waiting: SessionInput[];
  isBusy: boolean;
  awaitsFlush: boolean;
  isOver: boolean;
  heardAt: number;
};

type Group = { core: ReturnType<Cores["createGroup"]>; members: Set<Connection> };

const sweepMs = 2_000;
/** A process that cannot read where the log stands does not start; its keeper starts it again. */
const restartMs = 200;
const heartbeatMs = 25_000;
const silenceMs = 60_000;
const fillPage = 500;

/** A ping of the WebSocket; whoever is there sends it back. */
export const heartbeat = "\u0000";

export type Process = ReturnType<typeof startProcess>;

export function startProcess(ports: ProcessPorts) {
  const { scheduler, db, cores } = ports;
  let isDead = false;
  let backlog: (() => void)[] | null = null;
  const connections = new Set<Connection>();
  const groups = new Map<string, Group>();
  const writer = createWriter({ db, cores, later, afterCommit: published });
  const feed = createFeed({ db, cores, later: after, answered: enter, tell: (to, input) => drive(to, input) });
  const presence = createPresence((to, input) => later(() => drive(to, input)));
  let position: number | null = null;
  let known = new Map<string, number>();
  let knownBefore = new Map<string, number>();
  let sessions = 0;

  /** Whatever reaches a process: nothing when it is dead, later when it is frozen. */
  function enter(what: () => void): void {
    if (isDead) return;
    if (backlog) backlog.push(what);
    else what();
  }
  function after(ms: number, what: () => void): () => void {
    return scheduler.after(ms, () => enter(what));
  }
  function later(what: () => void): void {
    after(0, what);
  }

  // ---- connections

  /** The machine takes the connection, also while the process stands still. */
  function accept(connect: (end: End) => Line): void {
    const connection: Connection = {
      session: cores.createSession({ id: `${ports.name}.${++sessions}`, epoch: ports.epoch, frameRate: null }),
      line: undefined as never,
      person: null,
      deviceId: "",
      timers: new Map(),
      held: null,
      waiting: [],
      isBusy: false,
      awaitsFlush: false,
      isOver: false,
      heardAt: scheduler.now(),
    };
    connection.line = connect({
      left: () => enter(() => relieved(connection)),
      receive: (text) =>
        enter(() => {
          connection.heardAt = scheduler.now();
          if (text === heartbeat) return;
          const input: SessionInput = { type: "frame", text };
          if (connection.held) connection.held.push(input);
          else drive(connection, input);
        }),
      closed: () =>
        enter(() => {
          drive(connection, { type: "closed" });
          forget(connection);
        }),
    });
    connections.add(connection);
    enter(() => drive(connection, { type: "opened" }));
  }

  function forget(connection: Connection): void {
    connection.isOver = true;
    connections.delete(connection);
    feed.leave(connection);
    presence.leave(connection);
    for (const cancel of connection.timers.values()) cancel();
  }

  /** Hands an input to the session and carries out its effects, one input after the other. */
  function drive(connection: Connection, input: SessionInput): void {
    connection.waiting.push(input);
    if (connection.isBusy) return;
    connection.isBusy = true;
    for (let next = connection.waiting.shift(); next !== undefined; next = connection.waiting.shift()) {
      if (connection.isOver) continue;
      for (const effect of cores.stepSession(connection.session, next, scheduler.now())) perform(connection, effect);
      measure(connection);
    }
    connection.isBusy = false;
  }

  /** Something that waited has left. */
  function relieved(connection: Connection): void {
    if (connection.isOver || connection.isBusy) return;
    measure(connection);
    const next = connection.waiting.shift();
    if (next) drive(connection, next);
  }

  function perform(connection: Connection, effect: SessionEffect): void {
    const { line } = connection;
    switch (effect.type) {
      case "send":
        return send(connection, effect.frame);
      case "sendWelcome":
        return send(connection, {
          ...effect.frame,
          now: scheduler.now(),
          feed: effect.position === null ? null : feed.cursorOf(effect.position),
        });
      case "sendEvent": {
        const { event, side, isAuthor, marks } = effect;
        const wire = toWire(event, { side, isAuthor, ...(marks && { marks }) });
        return send(connection, { type: "event", ...wire });
      }
      case "sendFeed": {
        const items = effect.items.map(({ json }) => JSON.parse(json) as never);
        return send(connection, { type: "feed", cursor: feed.cursorOf(effect.position), items, more: effect.more });
      }
      case "join":
        return join(connection, effect.conversationId);
      case "leave":
        return leave(connection, effect.conversationId);
      case "settle": {
        const group = groups.get(groupKey(connection, effect.conversationId));
        if (group) act(group, effect.conversationId, connection, cores.settle(group.core, effect.seq));
        return;
      }
      case "joinFeed":
        return feed.join(connection);
      case "arrived":
        return;
      case "signal": {
        const { companyId, by } = connection.session.who!;
        return tellAll({ ...effect.signal, companyId, by });
      }
      case "flush":
        connection.awaitsFlush = true;
        return;
      case "setTimer":
        connection.timers.get(effect.name)?.();
        connection.timers.set(
          effect.name,
          after(effect.ms, () => drive(connection, { type: "timer", name: effect.name })),
        );
        return;
      case "clearTimer":
        return connection.timers.get(effect.name)?.();
      case "pause":
        return void (connection.held ??= []);
      case "resume": {
        const held = connection.held ?? [];
        connection.held = null;
        for (const input of held) drive(connection, input);
        return;
      }
      case "close":
        line.close("server", effect.code);
        return forget(connection);
      case "watch":
        return presence.watch(connection, effect.place);
      case "unwatch":
        return presence.unwatch(connection, effect.place);
      default:
        return answerCall({ ...ports, enter, writer, feed, drive, markMoved }, connection, effect);
    }
  }

  function send(connection: Connection, frame: ServerFrame): void {
    const text = JSON.stringify(frame);
    if (connection.person) ports.watchFrame(connection.person, connection.deviceId, frame, text);
    connection.line.down(text);
  }

  /** After everything that may have changed it: how much waits for the client, and whether all of it has left. */
  function measure(connection: Connection): void {
    const { session, line, waiting } = connection;
    const left = line.waitingDown();
    const level = ports.pressureAt.filter((most) => left > most).length as Pressure;
    if (level !== session.pressure && session.stage !== "ended") waiting.push({ type: "pressure", level });
    if (!connection.awaitsFlush || level > 0) return;
    connection.awaitsFlush = false;
    waiting.push({ type: "flushed" });
  }

  // ---- groups

  const groupKey = (connection: Connection, id: ConversationId) => keyOf(connection.session.who!.companyId, id);

  function join(connection: Connection, id: ConversationId): void {
    const key = groupKey(connection, id);
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { core: cores.createGroup(), members: new Set() }));
    group.members.add(connection);
  }

  function leave(connection: Connection, id: ConversationId): void {
    const key = groupKey(connection, id);
    const group = groups.get(key);
    if (group?.members.delete(connection) && group.members.size === 0) groups.delete(key);
  }

  function act(
    group: Group,
    id: ConversationId,
    of: { session: Session } | { companyId: string },
    effects: readonly ReturnType<Cores["offer"]>[number][],
  ): void {
    const companyId = "session" in of ? of.session.who!.companyId : of.companyId;
    for (const effect of effects) {
      if (effect.type === "pass")
        for (const member of group.members) drive(member, { type: "event", event: effect.event });
      if (effect.type === "heard")
        for (const member of group.members) drive(member, { type: "heard", conversationId: id, seq: effect.seq });
      if (effect.type === "read") {
        db.read(
          (tables) => listEvents(tables, companyId, "business", id, { after: effect.after, limit: fillPage }),
          (answer) =>
            enter(() => {
              if (groups.get(keyOf(companyId, id)) !== group) return;
              const next = "result" in answer ? cores.filled(group.core, answer.result) : cores.failed(group.core);
              act(group, id, { companyId }, next);
            }),
        );
      }
    }
  }

  // ---- what happened

  /** The process itself has committed these: they are known without a look at the log. */
  function published(events: readonly LaneEvent[]): void {
    for (const event of events) {
      const { companyId, conversationId, seq } = event;
      known.set(keyOf(companyId, conversationId), seq);
      const group = groups.get(keyOf(companyId, conversationId));
      if (group) act(group, conversationId, { companyId }, cores.offer(group.core, event));
      feed.changed(companyId, conversationId);
      ports.relay({ hint: { companyId, conversationId, seq } });
    }
  }

  function heardOf({ companyId, conversationId, seq }: Hint): void {
    const group = groups.get(keyOf(companyId, conversationId));
    if (group) act(group, conversationId, { companyId }, cores.heardOf(group.core, seq));
    feed.changed(companyId, conversationId);
  }

  function signalled(signal: Signal): void {
    const to = new Set(groups.get(keyOf(signal.companyId, signal.subjectId))?.members);
    for (const connection of connections) {
      const who = connection.session.who;
      if (who?.companyId === signal.companyId && who.by.id === signal.by.id) to.add(connection);
    }
    for (const connection of to) drive(connection, { type: "signal", signal });
    presence.signalled(signal);
  }

  function tellAll(signal: Signal): void {
    signalled(signal);
    ports.relay({ signal });
  }

  function markMoved(by: Person, mark: MarkRow): void {
    const { companyId, conversationId, readerType: _type, readerId: _reader, ...data } = mark;
    tellAll({ companyId, subjectId: conversationId, kind: "mark", by: authorOf(by), data });
  }

  /** SR7: whatever the bus has lost is found in the log. */
  function sweep(): void {
    const from = position;
    db.read(
      (tables, horizon) => ({ horizon, changes: from === null ? [] : cores.listChanges(tables, from, horizon) }),
      (answer) =>
        enter(() => {
          after(position === null ? restartMs : sweepMs, sweep);
          if ("failure" in answer) return;
          const { changes, horizon } = answer.result;
          for (const change of changes) {
            const key = keyOf(change.companyId, change.conversationId);
            if ((known.get(key) ?? knownBefore.get(key) ?? 0) >= change.seq) continue;
            heardOf({ ...change, companyId: change.companyId as CompanyId });
          }
          position = horizon;
          knownBefore = known;
          known = new Map();
          feed.reached(String(horizon));
          for (const [key, group] of groups) {
            const [companyId, id] = key.split(" ") as [string, ConversationId];
            act(group, id, { companyId }, cores.retry(group.core));
          }
        }),
    );
  }
  sweep();

  function beat(): void {
    for (const connection of connections) {
      if (scheduler.now() - connection.heardAt <= silenceMs) connection.line.down(heartbeat);
      else {
        connection.line.cut([]);
        drive(connection, { type: "closed" });
        forget(connection);
      }
    }
    after(heartbeatMs, beat);
  }
  after(heartbeatMs, beat);

  return {
    name: ports.name,
    accept,
    receive: (packet: Packet) =>
      enter(() => ("hint" in packet ? heardOf(packet.hint) : signalled({ ...packet.signal, isRemote: true }))),
    /** Runs something of a request that this process serves. */
    enter,
    published,
    signalled,
    writer,
    isDead: () => isDead,
    isServing: () => !isDead && position !== null,
    /** Somebody of this company may have been signed out. */
    accessChanged: (companyId: string) =>
      enter(() => {
        for (const connection of connections)
          if (connection.person?.companyId === companyId) drive(connection, { type: "accessChanged" });
      }),
    drain: (spreadMs: number) =>
      enter(() => {
        for (const connection of connections) {
          drive(connection, { type: "drain", spreadMs });
          drive(connection, { type: "end", code: 1012 });
        }
      }),
    freeze(ms: number): void {
      backlog ??= [];
      scheduler.after(ms, () => {
        const held = backlog ?? [];
        backlog = null;
        for (const what of held) enter(what);
      });
    },
    /** `told`: whether the clients notice at once, as they do when the machine lives on. */
    crash(told: boolean): void {
      isDead = true;
      for (const { line } of connections) line.cut(told ? ["client"] : []);
    },
  };
}
