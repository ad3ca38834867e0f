import { randomUUID } from "node:crypto";
import { PassThrough } from "node:stream";
import type { ConversationId, ServerFrame } from "@presszero/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { WebSocket } from "ws";
import type { Ctx } from "../../kernel/context.ts";
import { inTx, openDatabase } from "../../kernel/database.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { listLaneEvents, sendMessage, startConversation } from "../conversations/index.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { type Connection, createConnection } from "./connection.ts";
import { createGroups } from "./groups.ts";
import { catchUpBudget, replay } from "./replay.ts";

let system: TestCtx;
let company: TestCompany;
let lostDatabase: Ctx["database"];

beforeAll(async () => {
  system = await createTestCtx();
  company = await createTestCompany(system);
  lostDatabase = openDatabase("postgres://nobody@127.0.0.1:1/none");
});
afterAll(async () => {
  await lostDatabase.close();
  await system.close();
});

/** A connection whose frames end up in a list. */
function listen(ctx: Ctx = company.agent): { connection: Connection; frames: ServerFrame[]; end(): void } {
  const frames: ServerFrame[] = [];
  const socket = {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    send: (text: string) => void frames.push(JSON.parse(text) as ServerFrame),
  };
  return {
    connection: createConnection(socket as unknown as WebSocket, new PassThrough(), ctx, randomUUID()),
    frames,
    end: () => void (socket.readyState = 3),
  };
}

const seqs = (frames: readonly ServerFrame[]) => frames.flatMap((frame) => (frame.type === "event" ? [frame.seq] : []));
const input = () => ({ deviceId: randomUUID(), clientId: randomUUID(), message: { kind: "text", text: "x" } as const });

async function startWith(messages: number): Promise<ConversationId> {
  const { conversationId } = await startConversation(company.customer, input());
  for (let index = 1; index < messages; index++) await sendMessage(company.customer, conversationId, input());
  return conversationId;
}

const readEvents = (id: ConversationId, after: number) =>
  inTx(company.agent, (tx) => listLaneEvents(tx, "business", id, { after, limit: 10 }));

it("a subscription is served though its conversation never rests during the replay", async () => {
  const groups = createGroups(system);
  const id = await startWith(3);
  const [first, second] = [listen(), listen()];
  groups.replayed(groups.join(first.connection, id), id, 2, 2, () => {});
  const subscription = groups.join(second.connection, id);
  for (const event of await readEvents(id, 2)) groups.offer(event);
  expect(groups.replayed(subscription, id, 2, 2, () => {})).toBe(true);
  expect(seqs(first.frames)).toEqual([3, 4]);
  expect(seqs(second.frames)).toEqual([3, 4]);
});

it("a replay that ends before what was held back reads on", async () => {
  const groups = createGroups(system);
  const id = await startWith(3);
  const [first, second] = [listen(), listen()];
  const firstJoined = groups.join(first.connection, id);
  const secondJoined = groups.join(second.connection, id);
  groups.replayed(firstJoined, id, 3, 3, () => {});
  for (const event of await readEvents(id, 3)) groups.offer(event);
  expect(groups.replayed(secondJoined, id, 2, 2, () => {})).toBe(false);
  expect(groups.replayed(secondJoined, id, 4, 4, () => {})).toBe(true);
});

it("missing events that could not be read are read later", async () => {
  const flaky = { ...system, database: lostDatabase };
  const groups = createGroups(flaky);
  const id = await startWith(3);
  const { connection, frames } = listen();
  groups.replayed(groups.join(connection, id), id, 2, 2, () => {});
  const events = await readEvents(id, 2);
  groups.offer(events[1]!);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(seqs(frames)).toEqual([]);
  flaky.database = system.database;
  groups.retry();
  await expect.poll(() => seqs(frames)).toEqual([3, 4]);
});

it("a connection that is gone before its replay joins nothing", async () => {
  const groups = createGroups(system);
  const id = await startWith(1);
  const { connection, end } = listen();
  end();
  await replay(groups, connection, [{ conversationId: id, after: 0 }], catchUpBudget());
  expect(groups.connectionsOf(company.companyId, id)).toEqual([]);
});

it("a replay that fails half way leaves no subscription behind", async () => {
  const groups = createGroups(system);
  const id = await startWith(1);
  const ctx = { ...company.agent };
  const { connection, frames } = listen(ctx);
  const { send } = connection;
  // The heads can be read; once the first event of the first conversation is out, nothing can be read any more.
  connection.send = (frame) => {
    send(frame);
    ctx.database = lostDatabase;
  };
  const other = await startWith(1);
  const wanted = [id, other].map((conversationId) => ({ conversationId, after: 0 }));
  await expect(replay(groups, connection, wanted, catchUpBudget(), 1)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(frames.length).toBeGreaterThan(0);
  expect(groups.connectionsOf(company.companyId, other)).toEqual([]);
  expect(connection.subscriptions.size).toBe(0);
});

it("of two subscriptions at once both are answered, and no event comes before its replay", async () => {
  const groups = createGroups(system);
  const id = await startWith(3);
  const { connection, frames } = listen();
  const subscribe = (request: number) =>
    replay(groups, connection, [{ conversationId: id, after: 0 }], catchUpBudget(), request);
  await Promise.all([subscribe(1), subscribe(2)]);
  expect(frames.flatMap((frame) => (frame.type === "synced" ? [frame.id!] : [])).toSorted((a, b) => a - b)).toEqual([
    1, 2,
  ]);
  expect(groups.connectionsOf(company.companyId, id)).toHaveLength(1);
  await sendMessage(company.customer, id, input());
  for (const event of await readEvents(id, 4)) groups.offer(event);
  expect(seqs(frames).at(-1)).toBe(5);
});
