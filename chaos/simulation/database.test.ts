// The simulated database against a real one: the same random operations give the same answers and leave the same rows.
// What the simulation proves is worth as much as this test.
import { randomUUID } from "node:crypto";
import type { ConversationId } from "@presszero/contracts";
import fc from "fast-check";
import type pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { authorOf, type Ctx } from "../../apps/server/src/kernel/context.ts";
import { inTx } from "../../apps/server/src/kernel/database.ts";
import { newId } from "../../apps/server/src/kernel/ids.ts";
import { createTestCtx, startTestPostgres, type TestCtx } from "../../apps/server/src/kernel/testing.ts";
import {
  accessLaneHeads,
  assignConversation,
  closeConversation,
  getConversation,
  listEvents as listRealEvents,
  mergeMark,
  startConversation,
} from "../../apps/server/src/modules/conversations/index.ts";
import {
  type CommitResult,
  type CommitRow,
  commitResults,
  commitStatement,
  type MessageRow,
} from "../../apps/server/src/modules/conversations/message-writer.ts";
import { bodyHash } from "../../apps/server/src/modules/conversations/rules.ts";
import {
  deleteMessage,
  editMessage,
  reactToMessage,
} from "../../apps/server/src/modules/conversations/service/change.ts";
import { reopenConversation } from "../../apps/server/src/modules/conversations/service/close.ts";
import {
  getMyConversation,
  listConversations,
  listMyConversations,
} from "../../apps/server/src/modules/conversations/service/read.ts";
import { listChangedConversations, readChanges } from "../../apps/server/src/modules/gateway/views.ts";
import { createTestCompany } from "../../apps/server/src/modules/testing.ts";
import { planChange, planMarks, planMessageChange, planMessages, planStart, type StaffChange } from "./commit-rule.ts";
import { createDatabase, type Transaction } from "./database.ts";
import { findHead, findSummary, listChanged, listChanges, listFeedEntries, listSummaries, readPage } from "./reads.ts";
import { keyOf, type Person } from "./tables.ts";

let postgres: { stop(): Promise<void> };
let system: TestCtx;
beforeAll(async () => {
  postgres = await startTestPostgres();
  system = await createTestCtx();
}, 120_000);
afterAll(async () => {
  await system.close();
  await postgres.stop();
});

const small = (max: number) => fc.nat({ max });
const message = fc.record({
  author: small(4),
  c: small(4),
  device: small(1),
  id: small(9),
  kind: fc.constantFrom("text" as const, "text" as const, "note" as const, "form" as const, "answer" as const),
  text: small(1),
  replyTo: fc.option(small(5), { freq: 3 }),
});
const form = { type: "form" as const, fields: [], submit: "Send" };
const filledIn = { type: "answer" as const, values: {} };
const operation = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("start" as const), by: small(2), id: small(9), text: small(1) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("messages" as const),
      rows: fc.array(message, { minLength: 1, maxLength: 6 }),
      hold: fc.boolean(),
      wait: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("end" as const), which: small(2), commit: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("marks" as const),
      marks: fc.array(fc.record({ by: small(4), c: small(4), delivered: small(12), read: small(12) }), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("change" as const),
      by: small(4),
      c: small(4),
      to: fc.constantFrom(
        "closed" as const,
        "closed" as const,
        "open" as const,
        "assigned" as const,
        "nobody" as const,
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("touch" as const),
      by: small(4),
      c: small(4),
      message: small(5),
      change: fc.oneof(
        fc.record({ change: fc.constant("edited" as const), text: fc.constantFrom("text 0", "other") }),
        fc.record({ change: fc.constant("deleted" as const) }),
        fc.record({
          change: fc.constant("reacted" as const),
          emoji: fc.constantFrom("👍", "🎉"),
          on: fc.boolean(),
        }),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("sweep" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

it("decides, locks and numbers like the real one", { timeout: 300_000 }, async () => {
  const isLikeTheRealOne = fc.asyncProperty(
    fc.array(operation, { minLength: 8, maxLength: 40 }),
    async (operations) => {
      const pair = await createPair();
      try {
        for (const one of operations) await pair.perform(one);
        await pair.finish();
      } finally {
        await pair.close();
      }
    },
  );
  await expect(fc.assert(isLikeTheRealOne, { numRuns: 60 })).resolves.toBeUndefined();
});

const withoutTime = (result: CommitResult) => ({ ...result, createdAt: null, committedAt: null });

/** Both databases with the same people, and the operations on both. */
async function createPair() {
  const [ours, theirs] = [await createTestCompany(system), await createTestCompany(system)];
  const people: Ctx[] = [ours.customer, ours.otherCustomer, ours.agent, theirs.agent, theirs.customer];
  const model = createDatabase();
  for (const ctx of [...people, ours.admin]) {
    model.tables.people.set(keyOf(ctx.companyId, ctx.actor.id), personOf(ctx));
  }
  const conversations: ConversationId[] = [];
  const uuids = Array.from({ length: 12 }, () => randomUUID());
  const held: { real: pg.PoolClient; model: Transaction<CommitResult[]>; ids: Set<string> }[] = [];
  let real = (await readChanges(system.database.worker, null)).horizon;
  let modelled = model.horizon();

  const conversationAt = (place: number) => conversations[place] ?? newId("conversation");
  const messageIds = () => [...model.tables.messages.values()].map((row) => row.id);
  const isHeld = (ctx: Ctx, c: ConversationId) => model.isLocked(keyOf(ctx.companyId, c));

  async function perform(one: Operation): Promise<void> {
    switch (one.op) {
      case "start":
        return start(one);
      case "messages":
        return messages(one);
      case "end":
        return end(one.which, one.commit);
      case "marks":
        return marks(one);
      case "change":
        return change(one);
      case "touch":
        return touch(one);
      case "sweep":
        return sweep();
    }
  }

  async function start({ by, id, text }: Extract<Operation, { op: "start" }>): Promise<void> {
    const ctx = people[by === 2 ? 4 : by]!;
    const input = {
      deviceId: uuids[11]!,
      clientId: uuids[id]!,
      message: { kind: "text" as const, text: `text ${text}` },
    };
    if (held.some(({ ids }) => ids.has(keyOf(ctx.companyId, input.deviceId, input.clientId)))) return;
    const answer = await startConversation(ctx, input).catch((error: { code: string }) => error.code);
    const fresh = typeof answer === "string" ? null : answer;
    const row: MessageRow = {
      companyId: ctx.companyId,
      conversationId: fresh?.conversationId ?? newId("conversation"),
      messageId: fresh?.messageId ?? newId("message"),
      ...input,
      bodyHash: bodyHash(input.message),
      authorType: "contact",
      authorId: ctx.actor.id,
      ...input.message,
      content: null,
      replyTo: null,
    };
    const result = model.run({
      locks: [],
      wait: true,
      plan: (tables) => planStart(tables, ctx.actor.id as never, row, new Date(0)),
    });
    if (fresh === null) return expect({ conflict: "CLIENT_ID_CONFLICT" }[result.outcome as "conflict"]).toBe(answer);
    expect({ ...result, createdAt: null }).toMatchObject({
      outcome: fresh.duplicate ? "duplicate" : "ok",
      messageId: fresh.messageId,
      conversationId: fresh.conversationId,
      publicSeq: fresh.seq,
    });
    if (!fresh.duplicate) conversations.push(fresh.conversationId);
  }

  async function messages(one: Extract<Operation, { op: "messages" }>): Promise<void> {
    const taken = new Set(held.flatMap(({ ids }) => [...ids]));
    const rows: MessageRow[] = [];
    for (const { author, c, device, id, kind, text, replyTo } of one.rows) {
      const ctx = people[author]!;
      const key = keyOf(ctx.companyId, uuids[10 + device]!, uuids[id]!);
      if (taken.has(key)) continue;
      taken.add(key);
      const content = kind === "form" ? form : kind === "answer" ? filledIn : null;
      const target = replyTo === null ? null : (messageIds()[replyTo] ?? newId("message"));
      const body = { kind, text: `text ${text}` };
      rows.push({
        companyId: ctx.companyId,
        conversationId: conversationAt(c),
        messageId: newId("message"),
        deviceId: uuids[10 + device]!,
        clientId: uuids[id]!,
        bodyHash: bodyHash({ ...body, kind: "text", ...(target && { replyTo: target }) }),
        authorType: ctx.actor.type,
        authorId: ctx.actor.id,
        ...body,
        content,
        replyTo: target,
      });
    }
    if (rows.length === 0) return;
    const locks = rows
      .map((row) => keyOf(row.companyId, row.conversationId))
      .filter((key) => model.tables.conversations.has(key));
    const wait = one.wait && !locks.some((key) => model.isLocked(key));
    const hold = one.hold && held.length < 2;
    const client = await system.database.writer.connect();
    let isKept = false;
    try {
      if (hold) await client.query("begin");
      const answer = await client.query<CommitRow>(commitStatement(rows, wait));
      const transaction = model.begin({
        locks,
        wait,
        plan: (tables, locked) => planMessages(tables, rows, locked, new Date(0)),
      });
      expect(transaction.planned!.results.map(withoutTime)).toEqual(commitResults(answer.rows).map(withoutTime));
      if (hold) {
        const ids = new Set(rows.map((row) => keyOf(row.companyId, row.deviceId, row.clientId)));
        held.push({ real: client, model: transaction, ids });
        isKept = true;
      } else model.commit(transaction);
    } finally {
      if (!isKept) client.release();
    }
  }

  async function end(which: number, isCommit: boolean): Promise<void> {
    const [transaction] = held.splice(which, 1);
    if (transaction === undefined) return;
    await transaction.real.query(isCommit ? "commit" : "rollback");
    transaction.real.release();
    if (isCommit) model.commit(transaction.model);
    else model.rollback(transaction.model);
  }

  async function marks({ marks: given }: Extract<Operation, { op: "marks" }>): Promise<void> {
    const inputs = given.map(({ by, c, delivered, read }) => ({
      ctx: people[by]!,
      mark: { conversationId: conversationAt(c), delivered, read },
    }));
    // Asked in one turn, so they go into one statement.
    const answers = await Promise.all(inputs.map(({ ctx, mark }) => mergeMark(ctx, mark)));
    const moved = model.run({
      locks: [],
      wait: true,
      plan: (tables) =>
        planMarks(
          tables,
          inputs.map(({ ctx, mark }) => ({
            ...mark,
            companyId: ctx.companyId,
            readerType: ctx.actor.type,
            readerId: ctx.actor.id,
          })),
        ),
    });
    answers.forEach((answer, place) => {
      const { ctx, mark } = inputs[place]!;
      const row = moved.find(
        (candidate) =>
          candidate.companyId === ctx.companyId &&
          candidate.conversationId === mark.conversationId &&
          candidate.readerId === ctx.actor.id,
      );
      if (row === undefined) expect(answer).toBe(null);
      else expect(row).toMatchObject(answer!);
    });
  }

  async function change({ by, c, to }: Extract<Operation, { op: "change" }>): Promise<void> {
    const ctx = people[by]!;
    const id = conversationAt(c);
    if (isHeld(ctx, id)) return;
    const isCustomer = ctx.actor.type === "contact";
    const assignee = personOf(ours.admin);
    const act = {
      closed: () => closeConversation(ctx, id),
      open: () => reopenConversation(ctx, id),
      assigned: () => assignConversation(ctx, id, assignee.id as never),
      nobody: () => assignConversation(ctx, id, null),
    }[to];
    const isAllowed = findHead(model.tables, personOf(ctx), id) !== null && (!isCustomer || to === "closed");
    const failure = await act().then(
      () => null,
      (error: { code: string }) => error.code,
    );
    const staffChange: StaffChange =
      to === "assigned" || to === "nobody" ? { to: "assigned", assignee: to === "assigned" ? assignee : null } : { to };
    if (!isAllowed) return expect(failure).toMatch(/NOT_FOUND|FORBIDDEN/);
    if (failure === "NOT_FOUND") return expect(ctx.companyId).not.toBe(assignee.companyId);
    const kind = model.run({
      locks: [keyOf(ctx.companyId, id)],
      wait: true,
      plan: (tables) => planChange(tables, ctx.companyId, id, personOf(ctx), staffChange, new Date(0)),
    });
    const refusal = { closed: "CONVERSATION_CLOSED", open: "CONVERSATION_OPEN", assigned: null }[staffChange.to];
    expect(failure).toBe(kind === null ? refusal : null);
  }

  async function touch({ by, c, message, change }: Extract<Operation, { op: "touch" }>): Promise<void> {
    const ctx = people[by]!;
    const id = conversationAt(c);
    const target = messageIds()[message] ?? newId("message");
    if (isHeld(ctx, id)) return;
    const act = {
      edited: () => editMessage(ctx, id, target, change.change === "edited" ? change.text : ""),
      deleted: () => deleteMessage(ctx, id, target),
      reacted: () => reactToMessage(ctx, id, target, change as Extract<typeof change, { change: "reacted" }>),
    }[change.change];
    const failure = await act().then(
      () => null,
      (error: { code: string }) => error.code,
    );
    const result = model.run({
      locks: [keyOf(ctx.companyId, id)],
      wait: true,
      plan: (tables) => planMessageChange(tables, personOf(ctx), id, target, change, new Date(0)),
    });
    expect(failure).toBe(typeof result === "string" ? result : null);
  }

  async function sweep(): Promise<void> {
    const horizon = model.horizon();
    const mine = new Set(people.map((ctx) => ctx.companyId as string));
    const expected = new Map(
      listChanges(model.tables, modelled, horizon).map((row) => [keyOf(row.companyId, row.conversationId), row.seq]),
    );
    for (const ctx of people) {
      const changed = await inTx(ctx, (tx) => listChangedConversations(tx, real, 100));
      expect(changed.sort()).toEqual(listChanged(model.tables, personOf(ctx), modelled, 100).sort());
    }
    const found = new Map<string, number>();
    // The cluster's own transactions, such as those that gather statistics, may hold up its horizon for a moment.
    await expect
      .poll(
        async () => {
          const { changes, horizon: reached } = await readChanges(system.database.worker, real);
          for (const row of changes)
            if (mine.has(row.companyId)) found.set(keyOf(row.companyId, row.subjectId), row.seq);
          real = reached;
          return found;
        },
        { timeout: 10_000, interval: 20 },
      )
      .toEqual(expected);
    modelled = horizon;
  }

  async function finish(): Promise<void> {
    for (let left = held.length; left > 0; left--) await end(0, left % 2 === 0);
    await sweep();
    for (const ctx of people) {
      const person = personOf(ctx);
      const list = await (person.type === "contact" ? listMyConversations : listConversations)(ctx, { limit: 100 });
      expect(list.items.map(({ id }) => id).sort()).toEqual(
        listSummaries(model.tables, person)
          .map(({ id }) => id)
          .sort(),
      );
      const heads = await inTx(ctx, (tx) => accessLaneHeads(tx, conversations));
      expect(heads.toSorted((a, b) => (a.conversationId < b.conversationId ? -1 : 1))).toEqual(
        conversations
          .flatMap((c) => findHead(model.tables, person, c) ?? [])
          .toSorted((a, b) => (a.conversationId < b.conversationId ? -1 : 1)),
      );
      for (const head of heads) {
        const c = head.conversationId;
        for (const range of [{ after: 0, limit: 200 }, { after: 2, limit: 2 }, { before: 4, limit: 2 }, { limit: 3 }]) {
          const page = await listRealEvents(ctx, c, range);
          expect(timeless(readPage(model.tables, person, head, range))).toEqual(timeless(page));
        }
        const summary = await (person.type === "contact" ? getMyConversation(ctx, c) : getConversation(ctx, c));
        expect(timeless(findSummary(model.tables, person, c))).toEqual(timeless(summary));
        const [entry] = listFeedEntries(model.tables, ctx.companyId, [c]);
        const { unread: _unread, marks: _marks, ...item } = summary;
        expect(timeless(person.type === "contact" ? entry!.customer : entry!.staff)).toEqual(timeless(item));
      }
    }
  }

  async function close(): Promise<void> {
    for (const { real: client } of held) {
      await client.query("rollback");
      client.release();
    }
  }

  return { perform, finish, close };
}

function personOf(ctx: Ctx): Person {
  const { type, id, name } = authorOf(ctx.actor);
  return { companyId: ctx.companyId, type: type === "contact" ? "contact" : "agent", id, name };
}

/** The same without times, which the two databases take from different clocks. */
function timeless(value: unknown): unknown {
  const times = new Set(["at", "createdAt", "startedAt", "activityAt", "editedAt", "deletedAt"]);
  return JSON.parse(JSON.stringify(value, (key, inner: unknown) => (times.has(key) && inner !== null ? "T" : inner)));
}
