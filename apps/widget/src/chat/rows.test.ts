import type { Author, CompanyId, ConversationId, MessageId } from "@presszero/contracts";
import type { OutboxItem, ThreadItem } from "@presszero/sdk";
import { expect, test } from "vitest";
import { toRows, type Row } from "./rows.ts";

const mia: Author = { type: "agent", id: "agt_mia", name: "Mia" };
const tom: Author = { type: "agent", id: "agt_tom", name: "Tom" };
const guest: Author = { type: "contact", id: "con_me", name: null };
let seq = 0;

function message(author: Author, createdAt: string, status: "sent" | "delivered" | "read" = "sent"): ThreadItem {
  const own = author === guest;
  seq += 1;
  return {
    type: "message",
    key: `msg_${seq}`,
    own,
    status: own ? status : null,
    message: {
      id: `msg_${seq}` as MessageId,
      companyId: "cmp_1" as CompanyId,
      conversationId: "cnv_1" as ConversationId,
      seq,
      clientId: null,
      createdBy: own ? "user" : "system",
      author,
      kind: "text",
      text: "Hello",
      content: null,
      replyTo: null,
      reactions: [],
      status: "sent",
      revision: 0,
      editedAt: null,
      deletedAt: null,
      createdAt,
    },
  };
}

function event(kind: "conversation.started" | "conversation.closed", at: string): ThreadItem {
  seq += 1;
  const base = { conversationId: "cnv_1" as ConversationId, seq, at, by: guest };
  const data = { channel: "web" as const };
  return {
    type: "event",
    key: `event-${seq}`,
    event: kind === "conversation.started" ? { ...base, kind, data } : { ...base, kind, data: {} },
  };
}

function pending(status: "sending" | "not_sent", queuedAt: string): ThreadItem {
  const item: OutboxItem = {
    clientId: "00000000-0000-4000-8000-000000000001",
    conversationId: null,
    message: { kind: "text", text: "Hello" },
    state: status,
    attempts: 1,
    queuedAt: Date.parse(queuedAt),
    reason: status === "not_sent" ? "TOO_LARGE" : null,
    sent: null,
  };
  return { type: "pending", key: item.clientId, item, status };
}

const draw = (rows: Row[]) =>
  rows.map((row) =>
    row.type === "message"
      ? `${row.first ? "[" : "-"}${row.own ? "me" : row.author!.name}${row.last ? "]" : "-"}`
      : row.type,
  );

test("messages of one author within five minutes are one group", () => {
  const rows = toRows([
    message(mia, "2026-03-04T10:00:00Z"),
    message(mia, "2026-03-04T10:04:59Z"),
    message(mia, "2026-03-04T10:09:59Z"),
    message(tom, "2026-03-04T10:10:00Z"),
    message(guest, "2026-03-04T10:10:01Z"),
  ]);
  expect(draw(rows)).toEqual(["day", "[Mia-", "-Mia]", "[Mia]", "[Tom]", "[me]"]);
});

test("a day line stands before the first message of each day of the reader", () => {
  const items = [
    message(mia, "2026-03-04T22:30:00Z"),
    message(mia, "2026-03-04T23:01:00Z"),
    message(guest, "2026-03-05T08:00:00Z"),
  ];
  expect(draw(toRows(items, "UTC"))).toEqual(["day", "[Mia]", "[Mia]", "day", "[me]"]);
  expect(draw(toRows(items, "Europe/Berlin"))).toEqual(["day", "[Mia]", "day", "[Mia]", "[me]"]);
});

test("the start is not shown, the end is, and it ends a group", () => {
  const at = "2026-03-04T10:00:00Z";
  expect(
    draw(
      toRows([
        event("conversation.started", at),
        message(guest, at),
        event("conversation.closed", at),
        message(guest, at),
      ]),
    ),
  ).toEqual(["day", "[me]", "event", "[me]"]);
});

test("within a group the status is shown where it changes", () => {
  const at = "2026-03-04T10:00:00Z";
  const rows = toRows([
    message(guest, at, "read"),
    message(guest, at, "read"),
    message(guest, at, "sent"),
    pending("sending", at),
  ]);
  expect(draw(rows)).toEqual(["day", "[me-", "-me]", "-me]", "-me]"]);
});

test("a message that was not sent stands alone", () => {
  const at = "2026-03-04T10:00:00Z";
  expect(draw(toRows([message(guest, at), pending("not_sent", at), pending("sending", at)]))).toEqual([
    "day",
    "[me]",
    "[me]",
    "[me]",
  ]);
});
