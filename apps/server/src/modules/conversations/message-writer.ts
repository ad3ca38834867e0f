import type { CompanyId, ConversationId, MessageContent, MessageId, MessageKind } from "@presszero/contracts";
import { type Batcher, createBatcher } from "../../kernel/batcher.ts";
import { type Database, isDatabaseError, isUniqueViolation, translate } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";

/** A message on its way into the database. `deviceId` is the device's UUID, or the id of the key or session behind REST. */
export type MessageRow = {
  companyId: CompanyId;
  conversationId: ConversationId;
  messageId: MessageId;
  deviceId: string;
  clientId: string;
  bodyHash: Buffer;
  authorType: string;
  authorId: string;
  kind: MessageKind;
  text: string;
  content: MessageContent | null;
  replyTo: MessageId | null;
};

export type CommitResult =
  | {
      outcome: "ok" | "duplicate";
      messageId: MessageId;
      conversationId: ConversationId;
      seq: number;
      publicSeq: number;
      createdAt: Date;
      /** When the writer learned of the commit, by `performance.now()`. */
      committedAt?: number;
    }
  | { outcome: "conflict" | "closed" | "not_found" | "no_target" | "busy" };

/** The call of commit_messages: the same for a batch and for one message within a transaction. */
export function commitStatement(rows: readonly MessageRow[], wait: boolean): { text: string; values: unknown[] } {
  return {
    text: `select ord, outcome, message_id, conversation_id, seq, public_seq, created_at from commit_messages(
             $1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bytea[], $7::text[], $8::text[], $9::text[],
             $10::text[], $11::jsonb[], $12::text[], $13)`,
    values: [
      rows.map((row) => row.companyId),
      rows.map((row) => row.conversationId),
      rows.map((row) => row.messageId),
      rows.map((row) => row.deviceId),
      rows.map((row) => row.clientId),
      rows.map((row) => row.bodyHash),
      rows.map((row) => row.authorType),
      rows.map((row) => row.authorId),
      rows.map((row) => row.kind),
      rows.map((row) => row.text),
      rows.map((row) => row.content && JSON.stringify(row.content)),
      rows.map((row) => row.replyTo),
      wait,
    ],
  };
}

export type CommitRow = {
  ord: number;
  outcome: CommitResult["outcome"];
  message_id: MessageId;
  conversation_id: ConversationId;
  seq: number;
  public_seq: number;
  created_at: Date;
};

/** Results in the order of the input rows. */
export function commitResults(rows: readonly CommitRow[]): CommitResult[] {
  const results: CommitResult[] = [];
  const committedAt = performance.now();
  for (const row of rows) {
    results[row.ord - 1] =
      row.outcome === "ok" || row.outcome === "duplicate"
        ? {
            outcome: row.outcome,
            messageId: row.message_id,
            conversationId: row.conversation_id,
            seq: row.seq,
            publicSeq: row.public_seq,
            createdAt: row.created_at,
            committedAt,
          }
        : { outcome: row.outcome };
  }
  return results;
}

const maxRows = 500;

/**
 * Group commit of messages (delivery contract §2): while a statement is in flight, everything that arrives goes into
 * the next. The batch does not wait for a conversation that another transaction holds: its messages go on by themselves,
 * one after the other, and hold up nobody else. A result means that the commit has happened. Rejects with UNAVAILABLE when
 * nothing was tried, UNKNOWN_RETRY when the outcome is unknown (SR5); the same client id resolves both.
 */
function createMessageWriter(database: Database): Batcher<MessageRow, CommitResult> {
  async function commit(rows: MessageRow[], wait: boolean): Promise<CommitResult[]> {
    const client = await database.writer.connect().catch((error: unknown) => {
      throw new AppError("UNAVAILABLE", { cause: error });
    });
    let broken: Error | undefined;
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          const { rows: committed } = await client.query<CommitRow>({
            name: "commit_messages",
            ...commitStatement(rows, wait),
          });
          return commitResults(committed);
        } catch (error) {
          // Another node committed the same client id, or locked in another order, at the same moment.
          const isRace = isUniqueViolation(error, "message_client_id") || isDatabaseError(error, "40P01");
          if (isRace && attempt < 4) continue;
          if (isDatabaseError(error)) throw translate(error);
          broken = error as Error;
          throw new AppError("UNKNOWN_RETRY", { cause: error });
        }
      }
    } finally {
      client.release(broken);
    }
  }

  /** The last message of each conversation that is waited for. */
  const waiting = new Map<string, Promise<CommitResult>>();
  const keyOf = (row: MessageRow) => `${row.companyId} ${row.conversationId}`;

  function commitAlone(row: MessageRow): Promise<CommitResult> {
    const key = keyOf(row);
    const before = waiting.get(key)?.catch(() => {});
    const mine = Promise.resolve(before)
      .then(() => commit([row], true))
      .then(([result]) => result!);
    waiting.set(key, mine);
    const leave = () => void (waiting.get(key) === mine && waiting.delete(key));
    mine.then(leave, leave);
    return mine;
  }

  const createLane = () =>
    createBatcher<MessageRow, CommitResult>({
      maxRows,
      isForAll: (error) => error instanceof AppError && error.retry,
      run: async (rows) => {
        // A client that sends the same client id twice within a batch: the repeat goes second and finds the first.
        const keys = new Set<string>();
        const first: number[] = [];
        const repeated: number[] = [];
        rows.forEach((row, index) => {
          const key = `${row.companyId} ${row.deviceId} ${row.clientId}`;
          (keys.has(key) ? repeated : first).push(index);
          keys.add(key);
        });
        const results: (CommitResult | Promise<CommitResult>)[] = [];
        const committed = await commit(
          first.map((index) => rows[index]!),
          false,
        );
        first.forEach((index, place) => {
          const result = committed[place]!;
          results[index] = result.outcome === "busy" ? commitAlone(rows[index]!) : result;
        });
        for (const index of repeated) results[index] = commitAlone(rows[index]!);
        return results;
      },
    });
  // Two statements in flight: while one commits, the answers of the other go out. A conversation keeps to one of them.
  const lanes = [createLane(), createLane()] as const;
  const laneOf = (row: MessageRow) => lanes[row.conversationId.charCodeAt(row.conversationId.length - 1) & 1 ? 1 : 0];

  return {
    add: (row) => (waiting.has(keyOf(row)) ? commitAlone(row) : laneOf(row).add(row)),
    async idle() {
      for (const lane of lanes) await lane.idle();
      await Promise.allSettled(waiting.values());
    },
  };
}

const writers = new WeakMap<Database, Batcher<MessageRow, CommitResult>>();

/** The one writer of this process for this database. */
export function messageWriter(database: Database): Batcher<MessageRow, CommitResult> {
  let writer = writers.get(database);
  if (!writer) writers.set(database, (writer = createMessageWriter(database)));
  return writer;
}
