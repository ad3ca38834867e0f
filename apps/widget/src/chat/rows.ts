import type { Author } from "@presszero/contracts";
import type { MessageStatus, OutboxItem, ThreadItem } from "@presszero/sdk";
import { isSameDay } from "@presszero/ui";

export type MessageRow = {
  type: "message";
  key: string;
  text: string;
  change: "edited" | "deleted" | null;
  /** ms since 1970. */
  at: number;
  own: boolean;
  /** Null on messages of this device that are not confirmed yet. */
  author: Author | null;
  status: MessageStatus | "sending" | "not_sent" | null;
  /** Filled while the message is not confirmed. */
  pending: OutboxItem | null;
  /** First of a group: messages of one author less than five minutes apart. */
  first: boolean;
  /** The time and the status are shown under this one. */
  last: boolean;
};

export type Row =
  | { type: "day"; key: string; at: number }
  | { type: "event"; key: string; event: Extract<ThreadItem, { type: "event" }>["event"] }
  | MessageRow;

const groupMs = 5 * 60_000;

function toMessageRow(item: Extract<ThreadItem, { type: "message" | "pending" }>): MessageRow {
  const shape = { type: "message", key: item.key, status: item.status, first: true, last: true } as const;
  if (item.type === "pending") {
    const { message, queuedAt, sent } = item.item;
    return {
      ...shape,
      text: message.text,
      change: null,
      at: sent ? Date.parse(sent.at) : queuedAt,
      own: true,
      author: null,
      pending: item.item,
    };
  }
  const { text, createdAt, author, editedAt, deletedAt } = item.message;
  const change = deletedAt ? "deleted" : editedAt ? "edited" : null;
  return { ...shape, text, change, at: Date.parse(createdAt), own: item.own, author, pending: null };
}

function belongTogether(one: Row | undefined, next: MessageRow): one is MessageRow {
  return (
    one?.type === "message" &&
    one.own === next.own &&
    (next.own || one.author?.id === next.author?.id) &&
    Math.abs(next.at - one.at) < groupMs &&
    one.status !== "not_sent" &&
    next.status !== "not_sent"
  );
}

/** What a thread shows, oldest first: day lines, groups of messages, and the events that concern a customer. */
export function toRows(items: readonly ThreadItem[], timeZone?: string): Row[] {
  const rows: Row[] = [];
  let shownAt: number | null = null;
  for (const item of items) {
    if (
      item.type === "event" &&
      item.event.kind !== "conversation.closed" &&
      item.event.kind !== "conversation.reopened"
    )
      continue;
    const row: Row = item.type === "event" ? { type: "event", key: item.key, event: item.event } : toMessageRow(item);
    const at = row.type === "event" ? Date.parse(row.event.at) : row.type === "message" ? row.at : 0;
    if (shownAt === null || !isSameDay(shownAt, at, timeZone)) rows.push({ type: "day", key: `day:${row.key}`, at });
    shownAt = at;
    const before = rows.at(-1);
    if (row.type === "message" && belongTogether(before, row)) {
      row.first = false;
      before.last = before.status !== row.status;
    }
    rows.push(row);
  }
  return rows;
}
