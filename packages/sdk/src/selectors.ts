import type { Author, ConversationEvent, ConversationId, Message, MessageId } from "@presszero/contracts";
import { windowStart } from "./record.ts";
import { valuesOf } from "./records.ts";
import type { MessageStatus, State, Summary, ThreadItem } from "./types.ts";

export type ListFilter = {
  status?: "open" | "closed";
  /** An agent's id, or null for conversations that nobody is assigned to. */
  assigneeId?: string | null;
  contactId?: string;
};

/** Summaries that match, the latest activity first. */
export function listConversations(state: State, filter: ListFilter = {}): Summary[] {
  return valuesOf(state.conversations)
    .map((record) => record.summary)
    .filter((summary) => matches(summary, filter))
    .toSorted((a, b) => compare(b.activityAt, a.activityAt) || compare(b.id, a.id));
}

/** The rows of a conversation in their order; null: of the one that is about to be started. */
export function thread(state: State, conversationId: ConversationId | null): ThreadItem[] {
  const record = conversationId === null ? undefined : state.conversations[conversationId];
  const events = record?.events ?? [];
  const newest = newestStates(events);
  const items = events.flatMap((event): ThreadItem[] => {
    if (event.kind === "message.changed") return [];
    if (event.kind !== "message.created") return [{ type: "event", key: `event-${event.seq}`, event }];
    const message = { ...(newest.get(event.data.id) ?? event.data), clientId: event.data.clientId };
    const own = (message.createdBy === "user") === (state.side === "contact");
    const ticked = own && message.kind !== "note";
    const status = ticked ? statusOf(message.seq, message.status, record!.summary.marks) : null;
    return [{ type: "message", key: message.clientId ?? message.id, message, own, status }];
  });
  // CR4: after all confirmed ones; among them those that are stored already come first.
  const pending = state.outbox.filter((item) => item.conversationId === conversationId && !item.quiet);
  for (const item of [...pending.filter(({ sent }) => sent !== null), ...pending.filter(({ sent }) => sent === null)]) {
    const status = item.state === "queued" ? "sending" : item.state;
    items.push({ type: "pending", key: item.clientId, item, status });
  }
  return items;
}

/** Messages that were changed since they were loaded, as they are now: by revision, so the order of arrival does not matter. */
function newestStates(events: readonly ConversationEvent[]): Map<MessageId, Message> {
  const newest = new Map<MessageId, Message>();
  for (const event of events) {
    if (event.kind !== "message.changed" && event.kind !== "message.created") continue;
    const message = event.kind === "message.changed" ? event.data.message : event.data;
    if (message.revision > (newest.get(message.id)?.revision ?? 0)) newest.set(message.id, message);
  }
  return newest;
}

/** Whether there are events before the ones held. */
export function hasOlder(state: State, conversationId: ConversationId): boolean {
  const record = state.conversations[conversationId];
  return record !== undefined && record.last > 0 && windowStart(record) > 1;
}

export function unreadTotals(state: State, filter: ListFilter = {}): { conversations: number; messages: number } {
  const unread = valuesOf(state.conversations)
    .filter(({ summary }) => summary.unread > 0 && matches(summary, filter))
    .map(({ summary }) => summary.unread);
  return { conversations: unread.length, messages: unread.reduce((sum, count) => sum + count, 0) };
}

/** Who is typing right now. */
export function typingAuthors(state: State, conversationId: ConversationId): Author[] {
  return Object.values(state.conversations[conversationId]?.typing ?? {}).map((notice) => notice.by);
}

function matches(summary: Summary, filter: ListFilter): boolean {
  if (filter.status !== undefined && summary.status !== filter.status) return false;
  if (filter.assigneeId !== undefined && (summary.assignee?.id ?? null) !== filter.assigneeId) return false;
  return filter.contactId === undefined || summary.contact?.id === filter.contactId;
}

/** A later mark overrides what the message said when it was loaded, "failed" included. */
function statusOf(seq: number, stored: MessageStatus, marks: Summary["marks"]): MessageStatus {
  if (seq <= marks.otherRead || stored === "read") return "read";
  if (seq <= marks.otherDelivered || stored === "delivered") return "delivered";
  return stored;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
