// What a session asks its process to do, done over the simulated database. Follows calls.ts of the gateway.
import type { Author, ConversationId, EventsPage, MessageId } from "@presszero/contracts";
import { laneSeq } from "../../apps/server/src/modules/conversations/wire.ts";
import type { SessionCall, SessionInput } from "../../apps/server/src/modules/gateway/session.ts";
import { type Answer, failureOf } from "./database-server.ts";
import type { Feed } from "./feed.ts";
import type { Connection, ProcessPorts } from "./process.ts";
import { listChanged, listEvents, readPage } from "./reads.ts";
import type { MarkRow, Person } from "./tables.ts";
import type { Writer } from "./writer.ts";

export type CallPorts = ProcessPorts & {
  writer: Writer;
  feed: Feed;
  /** Runs something in the process, if that still lives. */
  enter: (what: () => void) => void;
  drive: (connection: Connection, input: SessionInput) => void;
  markMoved: (by: Person, mark: MarkRow) => void;
};

export function answerCall(ports: CallPorts, connection: Connection, of: SessionCall): void {
  const { db, cores, feed, writer } = ports;
  const person = connection.person!;

  /** Hands the answer to the session, if that still lives. A result of null is nothing that the person may have. */
  const answered =
    <T>(input: (result: NonNullable<T>) => SessionInput, refusal: "NOT_FOUND" | "UNAUTHENTICATED" = "NOT_FOUND") =>
    (answer: Answer<T>) =>
      ports.enter(() => {
        if (connection.isOver) return;
        const failure = "failure" in answer ? answer.failure : failureOf(refusal);
        const isRefused = "failure" in answer || answer.result === null || answer.result === undefined;
        ports.drive(connection, isRefused ? { type: "failed", of, failure } : input(answer.result as NonNullable<T>));
      });

  switch (of.type) {
    case "redeem":
      return db.read(
        () => {
          const ticket = ports.tickets.get(of.ticket);
          if (!ticket || ticket.isUsed || ticket.deviceId !== of.deviceId) return null;
          ticket.isUsed = true;
          return ports.isSignedIn(ticket.person, of.deviceId) ? ticket.person : null;
        },
        answered((redeemed) => {
          connection.person = redeemed;
          connection.deviceId = of.deviceId;
          const side = redeemed.type === "contact" ? "contact" : "business";
          return { type: "redeemed", who: { companyId: redeemed.companyId, side, by: authorOf(redeemed) } };
        }, "UNAUTHENTICATED"),
      );
    case "checkAccess":
      return db.read(
        () => ports.isSignedIn(person, connection.deviceId),
        answered((isSignedIn) => ({ type: "accessChecked", isSignedIn })),
      );
    case "readFeed":
      return db.read(
        (tables, horizon) => {
          const position = String(horizon);
          const from = feed.positionOf(of.cursor);
          if (of.cursor === null) return { from: null, changed: [], position };
          if (from === null) return { from, changed: null, position };
          const changed = listChanged(tables, person, Number(from), ports.mostFeedItems + 1);
          return { from, changed: changed.length > ports.mostFeedItems ? null : changed, position };
        },
        answered((read) => ({ type: "feedRead", ...read })),
      );
    case "readEntries":
      return db.read(
        (tables) => feed.entriesFor(tables, person, of.ids),
        answered((items) => ({ type: "entriesRead", items })),
      );
    case "readHeads":
      return db.read(
        (tables) => of.ids.flatMap((id) => cores.findHead(tables, person, id) ?? []),
        answered((heads) => ({ type: "headsRead", call: of.call, heads })),
      );
    case "readEvents":
      return db.read(
        (tables) => {
          const range = of.after === null ? { limit: of.limit } : { after: of.after, limit: of.limit };
          const side = connection.session.who!.side;
          return listEvents(tables, person.companyId, side, of.conversationId, range);
        },
        answered((events) => ({ type: "eventsRead", call: of.call, events })),
      );
    case "readPage":
      return db.read(
        (tables): EventsPage | null => {
          const head = cores.findHead(tables, person, of.conversationId);
          return head && readPage(tables, person, head, of);
        },
        answered((page) => ({ type: "pageRead", of, page })),
      );
    case "commit":
      return writer.commit(
        {
          conversationId: of.conversationId ?? (ports.newId("cnv") as ConversationId),
          messageId: ports.newId("msg") as MessageId,
          deviceId: connection.deviceId,
          clientId: of.clientId,
          author: person,
          message: of.message,
          isStart: of.conversationId === null,
        },
        answered(({ messageId, conversationId, seq, publicSeq, createdAt, outcome }) => {
          const place = laneSeq({ seq, publicSeq }, connection.session.who!.side);
          const sent = { messageId, conversationId, clientId: of.clientId, seq: place, at: createdAt.toISOString() };
          return { type: "sent", of, sent: { ...sent, duplicate: outcome === "duplicate" } };
        }),
      );
    case "mergeMark":
      return writer.mark(
        {
          companyId: person.companyId,
          conversationId: of.conversationId,
          readerType: person.type,
          readerId: person.id,
          delivered: of.delivered,
          read: of.read,
        },
        (answer) =>
          ports.enter(() => {
            // The readers are told whether or not this session still lives.
            if ("result" in answer && answer.result) ports.markMoved(person, answer.result);
            answered(() => ({ type: "marked", of }))("failure" in answer ? answer : { result: true });
          }),
      );
  }
}

export const authorOf = ({ type, id, name }: Person): Author => ({ type, id, name });
