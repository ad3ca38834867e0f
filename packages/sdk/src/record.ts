import type { ConversationEvent, ServerFrame } from "@presszero/contracts";
import { applyEvent, isFromOtherSide, otherMessages } from "./summary.ts";
import type { ConversationRecord, Side, Summary } from "./types.ts";

/** CR3: how many events ahead of a gap are kept; further ones come with the fetch. */
const maxBuffered = 200;
/** A typing notice that is not renewed ends by itself. */
const typingMs = 6_000;

const nothing: readonly never[] = [];

type Marks = Summary["marks"];
type Frame<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

/** The conversation as the server just described it, merged with what is known: nothing known goes backwards. */
export function withSummary(
  record: ConversationRecord | undefined,
  summary: Summary,
  side: Side,
  marksKnown: boolean,
): ConversationRecord {
  const seen = marksKnown ? otherMessages(summary, side) - summary.unread : 0;
  if (record === undefined) {
    return settled(
      {
        id: summary.id,
        summary,
        events: nothing,
        last: 0,
        head: summary.head,
        buffered: nothing,
        seen,
        provisional: !marksKnown,
        synced: false,
        typing: {},
      },
      side,
    );
  }
  const newest = summary.head >= record.summary.head ? summary : record.summary;
  return settled(
    {
      ...record,
      summary: { ...newest, marks: maxMarks(record.summary.marks, summary.marks) },
      head: Math.max(record.head, summary.head),
      seen: Math.max(record.seen, seen),
      provisional: record.provisional && !marksKnown,
    },
    side,
  );
}

/** CR3: what continues the window is applied, what is known is ignored, what lies ahead waits for the gap to be filled. */
export function withEvents(
  record: ConversationRecord,
  arrived: readonly ConversationEvent[],
  side: Side,
): ConversationRecord {
  const ahead = new Map(record.buffered.map((event) => [event.seq, event]));
  let head = record.head;
  for (const event of arrived) {
    head = Math.max(head, event.seq);
    if (event.seq > record.last && (ahead.size < maxBuffered || event.seq === record.last + 1))
      ahead.set(event.seq, event);
  }
  const added: ConversationEvent[] = [];
  let { last, typing } = record;
  for (let next = ahead.get(last + 1); next !== undefined; next = ahead.get(last + 1)) {
    added.push(next);
    ahead.delete(next.seq);
    typing = withoutAuthor(typing, next.by.id);
    last = next.seq;
  }
  if (last === record.last && ahead.size === record.buffered.length && head === record.head) return record;
  const buffered = ahead.size === 0 ? nothing : [...ahead.values()].filter((event) => event.seq > last);
  const events = added.length === 0 ? record.events : record.events.concat(added);
  const next = { ...record, events, last, head, buffered, typing };
  return isFurtherOn(record) ? { ...next, summary: summaryAfter(record.summary, added, side) } : settled(next, side);
}

/** Whether the next events count in full: the summary is that of the window, and nothing after it is read already. */
function isFurtherOn({ summary, last }: ConversationRecord): boolean {
  return summary.head === last && summary.marks.myRead <= last;
}

function summaryAfter(summary: Summary, events: readonly ConversationEvent[], side: Side): Summary {
  return events.reduce((next, event) => applyEvent(next, event, side), summary);
}

/** A page of any place: its newer part continues the window, its older part goes in front of it. */
export function withPage(
  record: ConversationRecord,
  page: { events: readonly ConversationEvent[]; head: number },
  side: Side,
): ConversationRecord {
  const first = page.events[0];
  if (first === undefined) return record;
  let next = record;
  if (record.last === 0 && first.seq > 1) next = { ...record, last: first.seq - 1 };
  const older: ConversationEvent[] = [];
  let from = windowStart(next);
  for (const event of page.events.toReversed()) {
    if (event.seq === from - 1) {
      older.unshift(event);
      from = event.seq;
    }
  }
  if (older.length > 0) next = { ...next, events: [...older, ...next.events] };
  const continued = withEvents({ ...next, head: Math.max(next.head, page.head) }, page.events, side);
  return settled(continued, side);
}

/** Too far behind: the window is dropped and begins again at `from`. */
export function withGap(record: ConversationRecord, frame: Frame<"gap">, side: Side): ConversationRecord {
  const head = Math.max(record.head, frame.head);
  if (frame.from <= record.last + 1) return { ...record, head };
  const buffered = record.buffered.filter((event) => event.seq >= frame.from);
  return withEvents({ ...record, events: [], last: frame.from - 1, head, buffered: [] }, buffered, side);
}

export function withSynced(record: ConversationRecord, frame: Frame<"synced">, side: Side): ConversationRecord {
  const marks = { myRead: frame.mine.read, otherDelivered: frame.other.delivered, otherRead: frame.other.read };
  return withMarks({ ...record, synced: true, head: Math.max(record.head, frame.head) }, marks, record.seen, side);
}

export function withReceipt(record: ConversationRecord, frame: Frame<"receipt">, side: Side): ConversationRecord {
  const { marks } = record.summary;
  if (frame.side === "mine") return withMarks(record, { ...marks, myRead: frame.read }, frame.seen ?? 0, side);
  return withMarks(record, { ...marks, otherDelivered: frame.delivered, otherRead: frame.read }, 0, side);
}

/** My own read mark, before the server knows of it. */
export function withRead(record: ConversationRecord, seq: number, side: Side): ConversationRecord {
  const seen = seq >= record.summary.head ? otherMessages(record.summary, side) : 0;
  return withMarks(record, { ...record.summary.marks, myRead: Math.min(seq, record.head) }, seen, side);
}

export function withTyping(
  record: ConversationRecord,
  frame: Frame<"ephemeral"> & { kind: "typing" },
  now: number,
): ConversationRecord {
  const { by, on } = frame.data;
  const others = withoutAuthor(record.typing, by.id);
  return { ...record, typing: on ? { ...others, [by.id]: { by, until: now + typingMs } } : others };
}

function withoutAuthor(typing: ConversationRecord["typing"], id: string): ConversationRecord["typing"] {
  if (typing[id] === undefined) return typing;
  const { [id]: _, ...others } = typing;
  return others;
}

/** The seq at which the window begins; with nothing held, where the next event goes. */
export function windowStart(record: ConversationRecord): number {
  return record.events[0]?.seq ?? record.last + 1;
}

/** Whether events that exist are not here although the replay is over (CR3: fetch them). */
export function isMissingEvents(record: ConversationRecord): boolean {
  return record.synced && record.head > record.last;
}

/** Whether the summary has to be loaded again: it lies before a hole in the window, or its read mark is not known. */
export function needsSummary(record: ConversationRecord): boolean {
  return record.provisional || record.summary.head < record.last;
}

function withMarks(record: ConversationRecord, marks: Marks, seen: number, side: Side): ConversationRecord {
  const merged = maxMarks(record.summary.marks, marks);
  return settled({ ...record, summary: { ...record.summary, marks: merged }, seen: Math.max(record.seen, seen) }, side);
}

/** Marks only grow (SR9), so merging by maximum makes order, loss and repetition of receipts harmless. */
function maxMarks(a: Marks, b: Marks): Marks {
  return {
    myRead: Math.max(a.myRead, b.myRead),
    otherDelivered: Math.max(a.otherDelivered, b.otherDelivered, a.otherRead, b.otherRead),
    otherRead: Math.max(a.otherRead, b.otherRead),
  };
}

/**
 * Brings the summary up to the window and counts `unread`: exactly where the window covers everything after my read
 * mark, otherwise as all messages of the other side less those known to be read.
 */
function settled(record: ConversationRecord, side: Side): ConversationRecord {
  const from = windowStart(record);
  let { summary } = record;
  if (summary.head + 1 >= from) summary = summaryAfter(summary, record.events.slice(summary.head + 1 - from), side);
  const all = otherMessages(summary, side);
  const { myRead } = summary.marks;
  let unread = Math.max(0, all - record.seen);
  if (summary.head === record.last && from <= myRead + 1) {
    unread = 0;
    for (const event of record.events.slice(Math.max(0, myRead + 1 - from))) if (isFromOtherSide(event, side)) unread++;
  } else if (myRead >= summary.head) {
    unread = 0;
  }
  if (unread !== summary.unread) summary = { ...summary, unread };
  return { ...record, summary, seen: all - unread };
}
