import type { ConversationEvent } from "@presszero/contracts";
import { previewOf } from "@presszero/contracts/preview";
import type { Side, Summary } from "./types.ts";

/**
 * The summary after the next event. State agreement: it equals what `GET` of the conversation answers once the server
 * has recorded the event. `event.seq` must be `summary.head + 1`.
 */
export function applyEvent<S extends Summary>(summary: S, event: ConversationEvent, side: Side): S {
  const next: S = { ...summary, head: event.seq };
  switch (event.kind) {
    case "conversation.started":
      next.activityAt = event.at;
      break;
    case "message.created": {
      const { id, author, kind, text, createdBy } = event.data;
      next.activityAt = event.at;
      next.preview = { id, text: previewOf(text), by: author, kind, at: event.at };
      if (kind === "note") break;
      const from = createdBy === "user" ? "contact" : "business";
      next.messages = { ...summary.messages, [from]: summary.messages[from] + 1 };
      if (isFromOtherSide(event, side)) next.unread = summary.unread + 1;
      break;
    }
    case "message.changed": {
      const { id, text } = event.data.message;
      if (summary.preview?.id === id) next.preview = { ...summary.preview, text: previewOf(text) };
      break;
    }
    case "conversation.assigned":
      next.assignee = event.data.assignee;
      break;
    case "conversation.closed":
      next.status = "closed";
      break;
    case "conversation.reopened":
      next.status = "open";
      break;
  }
  return next;
}

/** Whether the event is a message that the reader has to read: one of the other side, and no note. */
export function isFromOtherSide(event: ConversationEvent, side: Side): boolean {
  if (event.kind !== "message.created" || event.data.kind === "note") return false;
  return (event.data.createdBy === "user") === (side === "business");
}

/** How many messages the other side has sent. */
export function otherMessages(summary: Summary, side: Side): number {
  return side === "business" ? summary.messages.contact : summary.messages.business;
}
