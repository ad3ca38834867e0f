// Group commit of one process: what arrives while a batch is under way goes into the next; a conversation that another
// transaction holds is waited for by itself. Follows message-writer.ts and mark-writer.ts of the conversations.
import type { ContactId, OutgoingMessage } from "@presszero/contracts";
import type { MarkRow as MarkInput } from "../../apps/server/src/modules/conversations/mark-writer.ts";
import type { CommitResult, MessageRow } from "../../apps/server/src/modules/conversations/message-writer.ts";
import { bodyHash, contentOf } from "../../apps/server/src/modules/conversations/rules.ts";
import type { LaneEvent } from "../../apps/server/src/modules/conversations/wire.ts";
import { planMarks, planStart } from "./commit-rule.ts";
import type { Cores } from "./cores.ts";
import { type Answer, type DatabaseServer, failureOf } from "./database-server.ts";
import { toLaneEvent } from "./reads.ts";
import { keyOf, type MarkRow, type Person } from "./tables.ts";

export type CommitInput = Pick<MessageRow, "conversationId" | "messageId" | "deviceId" | "clientId"> & {
  author: Person;
  message: OutgoingMessage;
  isStart: boolean;
};

type Placed = Extract<CommitResult, { outcome: "ok" | "duplicate" }>;
type OnCommit = (answer: Answer<Placed>) => void;
type OnMark = (answer: Answer<MarkRow | null>) => void;
type Waiting = { row: MessageRow; answer: (answer: Answer<CommitResult>) => void };

const refusals = {
  not_found: "NOT_FOUND",
  closed: "CONVERSATION_CLOSED",
  conflict: "CLIENT_ID_CONFLICT",
  busy: "UNAVAILABLE",
  no_target: "VALIDATION",
} as const;

export type Writer = ReturnType<typeof createWriter>;

export function createWriter(ports: {
  db: DatabaseServer;
  cores: Cores;
  later: (what: () => void) => void;
  /** Events of this process that were committed a moment ago. */
  afterCommit: (events: readonly LaneEvent[]) => void;
}) {
  const { db, cores, later } = ports;
  /** Two statements in flight; a conversation keeps to one of them. */
  const lanes: { batch: Waiting[]; isCommitting: boolean }[] = [
    { batch: [], isCommitting: false },
    { batch: [], isCommitting: false },
  ];
  /** Rows that are waited for alone, by conversation, in order. */
  const alone = new Map<string, Waiting[]>();
  let marks: { input: MarkInput; answer: OnMark }[] = [];
  let isMarking = false;

  function commit(input: CommitInput, answer: OnCommit): void {
    const { author, message, isStart, ...rest } = input;
    const row: MessageRow = {
      ...rest,
      companyId: author.companyId,
      bodyHash: bodyHash(message),
      authorType: author.type,
      authorId: author.id,
      kind: message.kind,
      text: message.text,
      content: contentOf(message),
      replyTo: message.replyTo ?? null,
    };
    const answered = (how: Answer<CommitResult>) => {
      if ("failure" in how) return answer(how);
      const { result } = how;
      if (!("messageId" in result)) return answer({ failure: failureOf(refusals[result.outcome]) });
      if (result.outcome === "ok") publish(row, isStart);
      answer({ result });
    };
    if (isStart) return start(row, answered);
    if (alone.has(conversationOf(row))) return commitAlone({ row, answer: answered });
    const lane = lanes[Number(row.conversationId.at(-1)) & 1]!;
    lane.batch.push({ row, answer: answered });
    later(() => flush(lane));
  }

  const conversationOf = (row: MessageRow) => keyOf(row.companyId, row.conversationId);

  /** The writer tells of its messages, and of nothing that the statement did beside them. */
  function publish(row: MessageRow, isStart: boolean): void {
    const lane = db.tables.events.get(conversationOf(row)) ?? [];
    const place = lane.findIndex((event) => event.refId === row.messageId);
    ports.afterCommit(lane.slice(isStart ? 0 : place, place + 1).map((event) => toLaneEvent(db.tables, event)));
  }

  function start(row: MessageRow, answer: (answer: Answer<CommitResult>) => void): void {
    db.write(
      {
        locks: [],
        wait: true,
        plan: (tables) => planStart(tables, row.authorId as ContactId, row, new Date(db.now())),
      },
      answer,
    );
  }

  function flush(lane: (typeof lanes)[number]): void {
    if (lane.isCommitting || lane.batch.length === 0) return;
    lane.isCommitting = true;
    const rows = lane.batch;
    lane.batch = [];
    const keys = new Set<string>();
    const [first, repeated]: [Waiting[], Waiting[]] = [[], []];
    for (const one of rows) {
      const key = keyOf(one.row.companyId, one.row.deviceId, one.row.clientId);
      (keys.has(key) ? repeated : first).push(one);
      keys.add(key);
    }
    run(first, false, (answers) => {
      answers.forEach((answer, place) => {
        const isBusy = "result" in answer && answer.result.outcome === "busy";
        if (isBusy) commitAlone(first[place]!);
        else first[place]!.answer(answer);
      });
      for (const one of repeated) commitAlone(one);
      lane.isCommitting = false;
      flush(lane);
    });
  }

  function commitAlone(one: Waiting): void {
    const key = conversationOf(one.row);
    const line = alone.get(key);
    if (line) return void line.push(one);
    alone.set(key, [one]);
    next(key);
  }

  function next(key: string): void {
    const [one] = alone.get(key)!;
    run([one!], true, ([answer]) => {
      const line = alone.get(key)!;
      line.shift();
      if (line.length === 0) alone.delete(key);
      one!.answer(answer!);
      if (alone.get(key) === line) next(key);
    });
  }

  function run(rows: Waiting[], wait: boolean, answer: (answers: Answer<CommitResult>[]) => void): void {
    const locks = rows.map(({ row }) => conversationOf(row)).filter((key) => db.tables.conversations.has(key));
    db.write(
      {
        locks: [...new Set(locks)],
        wait,
        plan: (tables, held) =>
          cores.planMessages(
            tables,
            rows.map(({ row }) => row),
            held,
            new Date(db.now()),
          ),
      },
      (how) => later(() => answer("failure" in how ? rows.map(() => how) : how.result.map((result) => ({ result })))),
    );
  }

  function mark(input: MarkInput, answer: OnMark): void {
    marks.push({ input, answer });
    later(flushMarks);
  }

  function flushMarks(): void {
    if (isMarking || marks.length === 0) return;
    isMarking = true;
    const asked = marks;
    marks = [];
    db.write(
      {
        locks: [],
        wait: true,
        plan: (tables) =>
          planMarks(
            tables,
            asked.map(({ input }) => input),
          ),
      },
      (how) =>
        later(() => {
          isMarking = false;
          for (const { input, answer } of asked) {
            // Marks only grow, so whoever does not know whether they were stored stores them again.
            if ("failure" in how) answer({ failure: failureOf("UNAVAILABLE") });
            else answer({ result: how.result.find((row) => isOf(row, input)) ?? null });
          }
          flushMarks();
        }),
    );
  }

  return { commit, mark };
}

const isOf = (row: MarkRow, input: MarkInput) =>
  row.companyId === input.companyId && row.conversationId === input.conversationId && row.readerId === input.readerId;
