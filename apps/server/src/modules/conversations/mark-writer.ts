import type { ConversationId } from "@presszero/contracts";
import { type Batcher, createBatcher } from "../../kernel/batcher.ts";
import { type Database, isDatabaseError, translate } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";

/** What a reader's devices have received and read; positions in the reader's own lane, zero for "says nothing". */
export type MarkInput = { conversationId: ConversationId; delivered: number; read: number };

export type MarkRow = MarkInput & { companyId: string; readerType: string; readerId: string };

/** Marks of one reader as stored, in both lanes. `seen`: messages of the other side up to the read mark. */
export type Mark = {
  deliveredSeq: number;
  deliveredPublicSeq: number;
  readSeq: number;
  readPublicSeq: number;
  seen: number;
};

type ReturnedMark = Mark & { companyId: string; conversationId: string; readerId: string };

const keyOf = (row: { companyId: string; conversationId: string; readerId: string }) =>
  `${row.companyId} ${row.conversationId} ${row.readerId}`;

function createMarkWriter(database: Database): Batcher<MarkRow, Mark | null> {
  return createBatcher<MarkRow, Mark | null>({
    maxRows: 500,
    isForAll: (error) => error instanceof AppError && error.retry,
    run: async (rows) => {
      for (let attempt = 1; ; attempt++) {
        try {
          const { rows: changed } = await database.writer.query<ReturnedMark>({
            name: "merge_marks",
            text: `select company_id as "companyId", conversation_id as "conversationId", reader_id as "readerId",
                     delivered_seq as "deliveredSeq", delivered_public_seq as "deliveredPublicSeq",
                     read_seq as "readSeq", read_public_seq as "readPublicSeq", seen_messages as seen
                   from merge_marks($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])`,
            values: [
              rows.map((row) => row.companyId),
              rows.map((row) => row.conversationId),
              rows.map((row) => row.readerType),
              rows.map((row) => row.readerId),
              rows.map((row) => row.delivered),
              rows.map((row) => row.read),
            ],
          });
          const byKey = new Map(changed.map((mark) => [keyOf(mark), mark] as const));
          return rows.map((row) => byKey.get(keyOf(row)) ?? null);
        } catch (error) {
          if (attempt < 4 && isDatabaseError(error, "40P01")) continue;
          throw isDatabaseError(error) ? translate(error) : new AppError("UNAVAILABLE", { cause: error });
        }
      }
    },
  });
}

const writers = new WeakMap<Database, Batcher<MarkRow, Mark | null>>();

/** The one writer of this process for this database; null for a mark that did not move or is not the reader's. */
export function markWriter(database: Database): Batcher<MarkRow, Mark | null> {
  let writer = writers.get(database);
  if (!writer) writers.set(database, (writer = createMarkWriter(database)));
  return writer;
}
