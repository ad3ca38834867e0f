// The end: everything has healed, so every device shows exactly what the database holds for it (I8), nothing is waiting
// (PR5), and the read marks are the same everywhere (I9).
import type { ConversationId, Message } from "@presszero/contracts";
import { thread } from "@presszero/sdk";
import { laneSeq } from "../../apps/server/src/modules/conversations/wire.ts";
import type { Violation } from "../invariants.ts";
import type { Device } from "./device.ts";
import { findHead, findSummary, listSummaries, readPage, sideOf } from "./reads.ts";
import { keyOf, type Tables } from "./tables.ts";
import type { Watch } from "./watch.ts";

/** What is still to be done before the device agrees with the database, marks aside; null when it does. */
export function findDisagreement(tables: Tables, device: Device): Violation | null {
  const state = device.state();
  if (state === null) return null;
  const say = sayOf(device);
  if (state.connection.name !== "live") return say("I8", `is ${state.connection.name}`, state.connection);
  // What is stored waits for its place in the thread only where the thread is not open.
  const isOpen = (c: string | null) => c !== null && device.shown().has(c as ConversationId);
  const waiting = state.outbox.find(
    (item) => item.state !== "not_sent" && (item.state !== "sent" || isOpen(item.conversationId)),
  );
  if (waiting) return say("I8", "still has a message to send", waiting);

  for (const expected of listSummaries(tables, device.person)) {
    const record = state.conversations[expected.id];
    if (record === undefined) return say("I8", `does not list ${expected.id}`, expected);
    const shown = withoutMarks(record.summary);
    const stored = withoutMarks(expected);
    if (JSON.stringify(shown) !== JSON.stringify(stored))
      return say("I8", `shows ${expected.id} otherwise than it is`, { shown, stored });
    if (!device.shown().has(expected.id)) continue;
    const problem = wrongThread(tables, device, expected.id);
    if (problem) return say("I8", `shows another thread of ${expected.id} than is stored`, problem);
  }
  for (const c of Object.keys(state.conversations)) {
    if (findSummary(tables, device.person, c as ConversationId) === null)
      return say("I10", `lists ${c}, which is not theirs`, null);
  }
  return null;
}

/** The same for the marks of the conversations that are open (I9, ticks, unread). */
export function findWrongMarks(tables: Tables, device: Device): Violation | null {
  const say = sayOf(device);
  for (const c of device.shown()) {
    const shown = device.state()?.conversations[c]?.summary;
    const stored = findSummary(tables, device.person, c);
    if (!shown || !stored) continue;
    const marks = { shown: shown.marks, stored: stored.marks };
    if (marks.shown.myRead !== marks.stored.myRead) return say("I9", `shows another own mark in ${c}`, marks);
    if (JSON.stringify(sorted(marks.shown)) !== JSON.stringify(sorted(marks.stored)))
      return say("I8", `shows other ticks in ${c}`, marks);
    if (shown.unread !== stored.unread)
      return say("I8", `counts ${shown.unread} unread in ${c}`, { ...marks, unread: stored.unread });
  }
  return null;
}

const sayOf =
  (device: Device) =>
  (invariant: string, message: string, evidence: unknown): Violation => ({
    invariant,
    message: `${device.name} ${message}`,
    evidence,
  });

/** From the first event that is shown nothing is missing, and every message says what is stored; older ones have to be scrolled to. */
function wrongThread(tables: Tables, device: Device, c: ConversationId): unknown {
  const head = findHead(tables, device.person, c)!;
  const shown = thread(device.state()!, c).flatMap((item) => {
    if (item.type === "pending") return [];
    return item.type === "event" ? { seq: item.event.seq } : { seq: item.message.seq, message: content(item.message) };
  });
  const limit = laneSeq(head, sideOf(device.person)) + 1;
  const stored = readPage(tables, device.person, head, { after: (shown[0]?.seq ?? 1) - 1, limit }).events.flatMap(
    (event) => {
      if (event.kind === "message.changed") return [];
      return event.kind === "message.created" ? { seq: event.seq, message: content(event.data) } : { seq: event.seq };
    },
  );
  const longer = shown.length > stored.length ? shown : stored;
  const wrong = longer.findIndex((_, place) => JSON.stringify(shown[place]) !== JSON.stringify(stored[place]));
  return wrong < 0 ? null : { shown: shown[wrong] ?? null, stored: stored[wrong] ?? null };
}

/** Of a message, what is the same for everybody who sees it. */
const content = ({ id, kind, text, revision, deletedAt, editedAt, reactions, replyTo }: Message) => ({
  id,
  kind,
  text,
  revision,
  deletedAt,
  editedAt,
  reactions,
  replyTo: replyTo && replyTo.id,
});

/** PR5: whatever was sent is stored, or still with its device; what a killed device had not stored yet is excepted. */
export function findDropped(tables: Tables, watch: Watch, lost: ReadonlySet<string>): Violation | null {
  for (const { clientId, device, text } of watch.sent.values()) {
    if (tables.clientIds.has(keyOf(device.person.companyId, device.deviceId, clientId)) || lost.has(clientId)) continue;
    const state = device.state();
    const isHere = state ? state.outbox.some((item) => item.clientId === clientId) : device.disk.has(clientId);
    if (isHere) continue;
    return {
      invariant: "PR5",
      message: `${device.name}: "${text}" is neither stored nor shown`,
      evidence: { clientId },
    };
  }
  return null;
}

function withoutMarks({ marks: _marks, unread: _unread, ...rest }: { marks: unknown; unread: number }): unknown {
  return sorted(rest);
}

function sorted(value: object): unknown {
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
