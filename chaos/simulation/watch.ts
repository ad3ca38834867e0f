// The promises, checked after each step: on every commit, every frame that a server sends, and every state that a device
// comes to. The first one that is broken ends the simulation.
import type { ConversationEvent, ConversationId, NewStaffMessage, ServerFrame } from "@presszero/contracts";
import { type State, thread, type ThreadItem } from "@presszero/sdk";
import { laneSeq } from "../../apps/server/src/modules/conversations/wire.ts";
import { marksIn } from "../history.ts";
import type { Violation } from "../invariants.ts";
import type { Device } from "./device.ts";
import { findHead, sideOf } from "./reads.ts";
import { type EventRow, keyOf, type Person, type StoredMessageRow, type Tables, type Writes } from "./tables.ts";

export class BrokenPromise extends Error {
  readonly violation: Violation;
  constructor(invariant: string, message: string, evidence: unknown) {
    super(`${invariant}: ${message}`);
    this.violation = { invariant, message, evidence };
  }
}

function fail(invariant: string, message: string, evidence: unknown = null): never {
  throw new BrokenPromise(invariant, message, evidence);
}

export type Sent = {
  clientId: string;
  device: Device;
  c: ConversationId | null;
  text: string;
  kind: NewStaffMessage["kind"];
  /** Grows with every press of send, and with every retry by hand. */
  order: number;
  /** Where the conversation stood when it was sent. */
  after: number;
};

export type Watch = ReturnType<typeof createWatch>;

/** `epoch`: the name of the database's present history. */
export function createWatch(tables: Tables, epoch: () => string) {
  const sent = new Map<string, Sent>();
  let order = 0;
  /** By device and conversation: the order of its last message that is stored. */
  const stored = new Map<string, number>();
  const read = new Map<string, Map<string, number>>();
  const views = new Map<string, { state: State; threads: Map<string, number> }>();

  /** Texts that a message may have beside the one that it was sent with: by an edit, or from elsewhere. */
  const otherTexts = new Set<string>();

  const companyOf = (person: Person) => person.companyId;

  // ---- what is stored

  /** Called with what a transaction is about to make visible. */
  function committing(writes: Writes): void {
    const heads = new Map<string, { seq: number; publicSeq: number }>();
    for (const event of writes.events) {
      const key = keyOf(event.companyId, event.conversationId);
      const head = heads.get(key) ?? tables.conversations.get(key) ?? { seq: 0, publicSeq: 0 };
      const isNext = event.seq === head.seq + 1 && event.publicSeq === head.publicSeq + Number(event.isPublic);
      if (!isNext) fail("I4", `${event.conversationId} goes from ${head.seq} to ${event.seq}`, { head, event });
      heads.set(key, event);
    }
    for (const row of writes.conversations) {
      const key = keyOf(row.companyId, row.id);
      const head = heads.get(key) ?? tables.conversations.get(key);
      if (row.seq !== head?.seq || row.publicSeq !== head.publicSeq)
        fail("I4", `${row.id} stands at ${row.seq} and its lane ends at ${head?.seq}`, { row, head });
    }
    for (const message of writes.messages) checkStored(message);
  }

  function checkStored(message: StoredMessageRow): void {
    const known = tables.clientIds.get(keyOf(message.companyId, message.deviceId, message.clientId));
    if (known) fail("I3", `${message.clientId} is stored twice`, { known, message });
    const source = sent.get(message.clientId);
    if (source === undefined) {
      if (message.authorType === "api_key") return;
      fail("I2", `${message.id} is stored and nobody sent it`, message);
    }
    if (source.text !== message.text || source.kind !== message.kind || source.device.deviceId !== message.deviceId)
      fail("I2", `${message.id} is not what was sent`, { message, text: source.text });
    const lane = laneOf(source, message);
    const before = stored.get(lane) ?? 0;
    if (source.order < before)
      fail("I6", `${source.device.name}: "${message.text}" is stored behind what was sent after it`, message);
    stored.set(lane, source.order);
    if (source.c !== null && message.seq <= source.after)
      fail("I7", `"${message.text}" got seq ${message.seq} and was sent after ${source.after} was stored`, message);
  }

  // ---- what servers say

  function frame(to: Person, deviceId: string, frame: ServerFrame, text: string): void {
    const side = sideOf(to);
    const letter = to.name!.slice(0, 1);
    for (const mark of marksIn(text)) {
      const [company, kind] = mark.split("|");
      if (company !== letter) fail("I10", `${to.name} is sent a text of company ${company}`, frame);
      if (kind === "note" && side === "contact") fail("I10", `${to.name} is sent a note`, frame);
    }
    switch (frame.type) {
      case "event":
        return checkEvent(to, frame);
      case "page":
        own(to, frame.conversationId, frame);
        for (const event of frame.events) checkEvent(to, event);
        return;
      case "ok": {
        const key = keyOf(to.companyId, deviceId, frame.clientId);
        const message = tables.clientIds.get(key);
        if (message === undefined) fail("I1", `${to.name} is told that ${frame.clientId} is stored`, frame);
        if (message.id !== frame.messageId || laneSeq(message, side) !== frame.seq)
          fail("I1", `${to.name} is told another place than the one where it is stored`, { frame, message });
        return;
      }
      case "feed":
        for (const item of frame.items) {
          own(to, item.id, frame);
          const hasStaffPart = "contact" in item || "assignee" in item;
          if (side === "contact" && (hasStaffPart || item.preview?.kind === "note"))
            fail("I10", `${to.name} is sent what only staff may see`, frame);
        }
        return;
      case "synced":
      case "gap":
      case "receipt":
      case "ephemeral": {
        const head = own(to, frame.conversationId, frame);
        if (frame.type === "synced" && frame.to > laneSeq(head, side))
          fail("I2", `${to.name} is told of events that are not there`, frame);
        if (frame.type === "receipt" && Math.max(frame.read, frame.delivered) > laneSeq(head, side))
          fail("I9", `${to.name} is told of marks beyond the head`, frame);
        return;
      }
      default:
    }
  }

  function own(to: Person, c: ConversationId, frame: unknown) {
    return findHead(tables, to, c) ?? fail("I10", `${to.name} is sent a frame of ${c}`, frame);
  }

  function eventAt(person: Person, c: ConversationId, seq: number): EventRow | undefined {
    const lane = tables.events.get(keyOf(companyOf(person), c)) ?? [];
    if (sideOf(person) === "business") return lane[seq - 1];
    return lane.find((event) => event.isPublic && event.publicSeq === seq);
  }

  function checkEvent(to: Person, event: Extract<ServerFrame, { type: "page" }>["events"][number]): void {
    own(to, event.conversationId, event);
    const row = eventAt(to, event.conversationId, event.seq);
    if (row === undefined) fail("I2", `${to.name} is sent an event that is not stored`, event);
    if (row.type !== event.kind || row.actorId !== event.by.id)
      fail("I5", `${to.name} is sent another event than the one that stands at ${event.seq}`, { event, row });
    if (event.kind === "message.changed") {
      const message = tables.messages.get(keyOf(companyOf(to), event.data.message.id));
      if (message?.id !== row.refId) fail("I5", `${to.name} is told of a change of another message`, { event, row });
      return checkContent(to, event, message);
    }
    if (event.kind !== "message.created") return;
    if (row.refId !== event.data.id || event.data.seq !== event.seq)
      fail("I5", `${to.name} is sent another message than the one that stands at ${event.seq}`, { event, row });
    const message = tables.messages.get(keyOf(companyOf(to), event.data.id))!;
    checkContent(to, event, message);
    if (event.data.clientId !== null && (message.authorId !== to.id || event.data.clientId !== message.clientId))
      fail("I10", `${to.name} is sent a client id that is not theirs`, event);
  }

  /** Of two states the newer one has the higher revision; at the same revision they are the same. */
  function checkContent(to: Person, event: ConversationEvent, message: StoredMessageRow): void {
    const shown =
      event.kind === "message.changed" ? event.data.message : event.kind === "message.created" && event.data;
    if (!shown || shown.revision > message.revision)
      fail("I2", `${to.name} is sent a change that is not stored`, event);
    const isWhatIsStored = shown.text === message.text && (shown.deletedAt !== null) === (message.deletedAt !== null);
    const isKnown = isWhatIsStored || otherTexts.has(shown.text) || sent.get(message.clientId)?.text === shown.text;
    if (shown.kind !== message.kind || !isKnown || (shown.revision === message.revision && !isWhatIsStored))
      fail("I2", `${to.name} is sent another text than the one that is stored`, { event, message });
  }

  // ---- what devices show

  function pressed(device: Device, clientId: string, c: ConversationId | null, message: NewStaffMessage): void {
    const { kind, text } = message;
    const after = tables.conversations.get(keyOf(device.person.companyId, c ?? ""))?.seq ?? 0;
    sent.set(clientId, { clientId, device, c, text, kind, order: ++order, after });
  }

  function started(device: Device): void {
    views.delete(device.name);
    read.delete(device.name);
  }

  function changed(device: Device, state: State): void {
    // What it holds is of a history that was lost, and it has not been told yet.
    if (state.epoch !== null && state.epoch !== epoch()) return void views.delete(device.name);
    const before = views.get(device.name);
    const isOutboxNew = before?.state.outbox !== state.outbox;
    for (const [c, record] of Object.entries(state.conversations)) {
      const old = before?.state.conversations[c];
      if (old === record && !isOutboxNew) continue;
      if (old?.events !== record.events || isOutboxNew) checkThread(device, state, c as ConversationId);
      checkMarks(device, c as ConversationId, record.summary.marks);
    }
    if (isOutboxNew) {
      checkThread(device, state, null);
      checkOutbox(device, state);
    }
    const marks = read.get(device.name);
    if (marks) for (const c of marks.keys()) if (!(c in state.conversations)) marks.delete(c);
    views.set(device.name, { state, threads: before?.threads ?? new Map() });
  }

  function checkThread(device: Device, state: State, c: ConversationId | null): void {
    const seen = new Set<string>();
    let last = 0;
    for (const item of thread(state, c)) {
      for (const name of namesOf(item)) {
        if (seen.has(name)) fail("I3", `${device.name} shows ${name} twice`, { c, item });
        seen.add(name);
      }
      if (item.type === "pending") {
        if (!sent.has(item.item.clientId)) fail("I2", `${device.name} shows a message that nobody sent`, item);
        continue;
      }
      const seq = item.type === "event" ? item.event.seq : item.message.seq;
      if (seq <= last) fail("I5", `${device.name} shows ${seq} after ${last}`, { c, item });
      last = seq;
      const row = eventAt(device.person, c!, seq);
      const isStored = row !== undefined && (item.type === "event" || row.refId === item.message.id);
      if (!isStored) fail("I2", `${device.name} shows at ${seq} what is not stored there`, item);
    }
  }

  function namesOf(item: ThreadItem): string[] {
    const names = [`key ${item.key}`];
    if (item.type === "message") {
      names.push(`message ${item.message.id}`);
      if (item.message.clientId !== null) names.push(`client id ${item.message.clientId}`);
    }
    if (item.type === "pending") {
      names.push(`client id ${item.item.clientId}`);
      if (item.item.sent) names.push(`message ${item.item.sent.messageId}`);
    }
    return names;
  }

  /** I14: "sent" is shown for what is stored, and for nothing else. */
  function checkOutbox(device: Device, state: State): void {
    for (const item of state.outbox) {
      if (item.state === "not_sent" && item.reason === null)
        fail("PR5", `${device.name} shows a message as not sent and does not say why`, item);
      if (item.sent === null) continue;
      const message = tables.clientIds.get(keyOf(companyOf(device.person), device.deviceId, item.clientId));
      if (message === undefined) fail("I14", `${device.name} shows as sent what is not stored`, item);
    }
  }

  function checkMarks(device: Device, c: ConversationId, marks: State["conversations"][string]["summary"]["marks"]) {
    let mine = read.get(device.name);
    if (mine === undefined) read.set(device.name, (mine = new Map()));
    const before = mine.get(c) ?? 0;
    if (marks.myRead < before)
      fail("I9", `${device.name}: the read mark of ${c} goes from ${before} to ${marks.myRead}`);
    mine.set(c, marks.myRead);
    const head = findHead(tables, device.person, c);
    if (head === null) return;
    if (marks.otherRead > head.otherRead || marks.otherDelivered > Math.max(head.otherDelivered, head.otherRead))
      fail("I9", `${device.name} shows ${c} as read further than it is`, { marks, head });
    if (marks.myRead > laneSeq(head, sideOf(device.person)))
      fail("I9", `${device.name} has read beyond the head of ${c}`, { marks, head });
  }

  return {
    sent,
    committing,
    frame,
    pressed,
    started,
    changed,
    mayRead: (text: string) => void otherTexts.add(text),
    /** The database was put back: what was stored since then counts as not sent yet. */
    restored(): void {
      stored.clear();
      for (const source of sent.values()) source.after = 0;
      for (const message of tables.messages.values()) {
        const source = sent.get(message.clientId);
        if (source)
          stored.set(laneOf(source, message), Math.max(source.order, stored.get(laneOf(source, message)) ?? 0));
      }
    },
    /** A person tries a message again: it is sent after everything that was sent in the meantime. */
    retried(clientId: string): void {
      const source = sent.get(clientId);
      if (source) source.order = ++order;
    },
  };
}

/** What waits for a conversation to be started has its own order: the device cannot know yet where it will belong. */
const laneOf = (source: Sent, message: StoredMessageRow) =>
  keyOf(message.deviceId, message.conversationId, source.c === null ? "started" : "known");
