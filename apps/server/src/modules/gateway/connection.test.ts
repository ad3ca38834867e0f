// Sessions, their shell and the groups on a real database, with a transport that puts frames into a list.
import { randomUUID } from "node:crypto";
import type { ClientFrame, CloseCode, ConversationId, ServerFrame } from "@presszero/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Ctx } from "../../kernel/context.ts";
import { inTx, openDatabase } from "../../kernel/database.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { listLaneEvents, sendMessage, startConversation } from "../conversations/index.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { createAdmission } from "./admission.ts";
import { type Connection, type Environment, openConnection } from "./connection.ts";
import { createFeed } from "./feed.ts";
import { createGroups } from "./groups.ts";
import { createPresence } from "./presence.ts";
import { createRegistry } from "./registry.ts";

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

function createEnvironment(of: TestCtx = system): Environment {
  return {
    system: of,
    epoch: "e1",
    groups: createGroups(of),
    feed: createFeed(of),
    registry: createRegistry(),
    presence: createPresence(of, () => false),
    admission: createAdmission(of.settings.limits, () => false),
    checks: (work) => work(),
  };
}

type Listener = {
  connection: Connection;
  frames: ServerFrame[];
  closes: CloseCode[];
  say(frame: ClientFrame): void;
  of<T extends ServerFrame["type"]>(type: T): Extract<ServerFrame, { type: T }>[];
};

/** A connection after its welcome, whose frames end up in a list. `sees` looks at each. */
async function listen(
  environment: Environment,
  ctx: Ctx = company.agent,
  sees?: (frames: ServerFrame[]) => void,
): Promise<Listener> {
  const frames: ServerFrame[] = [];
  const closes: CloseCode[] = [];
  const connection = openConnection(environment, {
    send(text) {
      frames.push(JSON.parse(text) as ServerFrame);
      sees?.(frames);
    },
    pressure: () => 0,
    pause() {},
    resume() {},
    close: (code) => void closes.push(code),
    companyOf: () => ctx.companyId,
    identify: async () => ctx,
    arrived() {},
  });
  const say = (frame: ClientFrame) => connection.put({ type: "frame", text: JSON.stringify(frame) });
  const deviceId = randomUUID();
  say({ type: "hello", version: 1, ticket: "x", deviceId, client: "test/1", epoch: null, subscriptions: [] });
  await expect.poll(() => frames).toMatchObject([{ type: "welcome" }]);
  const of = (type: string) => frames.filter((frame) => frame.type === type);
  return { connection, frames, closes, say, of: of as Listener["of"] };
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

it("SR7: missing events that could not be read are read later", async () => {
  const flaky = { ...system };
  const environment = createEnvironment(flaky);
  const { groups } = environment;
  const id = await startWith(1);
  const { frames, say, of } = await listen(environment);
  say({ type: "subscribe", id: 1, conversationId: id, after: 2 });
  await expect.poll(() => of("synced")).toHaveLength(1);
  await sendMessage(company.customer, id, input());
  await sendMessage(company.customer, id, input());
  const events = await readEvents(id, 2);
  flaky.database = lostDatabase;
  groups.offer(events[1]!);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(seqs(frames)).toEqual([]);
  flaky.database = system.database;
  groups.retry();
  await expect.poll(() => seqs(frames)).toEqual([3, 4]);
});

it("a connection that is gone before its replay leaves nothing behind", async () => {
  const environment = createEnvironment();
  const id = await startWith(1);
  const { connection, say, frames } = await listen(environment);
  say({ type: "subscribe", id: 1, conversationId: id, after: 0 });
  expect(environment.groups.membersOf(company.companyId, id).size).toBe(1);
  connection.put({ type: "closed" });
  expect(environment.groups.membersOf(company.companyId, id).size).toBe(0);
  expect(environment.registry.all.size).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(seqs(frames)).toEqual([]);
});

it("a replay that fails half way leaves no subscription behind", async () => {
  const environment = createEnvironment();
  const ctx = { ...company.agent };
  const ids = [await startWith(1), await startWith(1)];
  // Once the first event of the first conversation is out, nothing can be read any more.
  const { connection, of, say } = await listen(environment, ctx, (seen) => {
    if (seqs(seen).length > 0) ctx.database = lostDatabase;
  });
  for (const [index, conversationId] of ids.entries()) say({ type: "subscribe", id: index, conversationId, after: 0 });
  await expect.poll(() => of("error")).toMatchObject([{ id: 1, code: "UNAVAILABLE" }]);
  expect(of("synced")).toMatchObject([{ id: 0 }]);
  expect(environment.groups.membersOf(company.companyId, ids[1]!).size).toBe(0);
  expect([...connection.session.subscriptions.keys()]).toEqual([ids[0]]);
});

it("of two subscriptions at once both are answered, and no event comes before its replay", async () => {
  const environment = createEnvironment();
  const id = await startWith(3);
  const { frames, of, say } = await listen(environment);
  say({ type: "subscribe", id: 1, conversationId: id, after: 0 });
  say({ type: "subscribe", id: 2, conversationId: id, after: 0 });
  await expect.poll(() => of("synced").map((frame) => frame.id)).toEqual([1, 2]);
  expect(environment.groups.membersOf(company.companyId, id).size).toBe(1);
  await sendMessage(company.customer, id, input());
  for (const event of await readEvents(id, 4)) environment.groups.offer(event);
  expect(seqs(frames)).toEqual([1, 2, 3, 4, 5]);
});

it("SR8: an event is written once for all who are alike", async () => {
  const environment = createEnvironment();
  const id = await startWith(1);
  const texts: string[] = [];
  for (const ctx of [company.admin, company.admin, company.customer]) {
    const listener = await listen(environment, ctx);
    listener.say({ type: "subscribe", id: 1, conversationId: id, after: 2 });
    await expect.poll(() => listener.of("synced")).toHaveLength(1);
  }
  await sendMessage(company.customer, id, input());
  const [event] = await readEvents(id, 2);
  let reads = 0;
  const watched = new Proxy(event!, {
    get(target, name) {
      if (name === "data" || name === "kind") reads++;
      return Reflect.get(target, name) as unknown;
    },
  });
  environment.groups.offer(watched);
  const readsOfThree = reads;
  for (const { session } of environment.registry.all) texts.push(session.who!.side);
  expect(texts).toEqual(["business", "business", "contact"]);
  // Two kinds of reader, staff and the author: as many writings as for one of each.
  expect(readsOfThree).toBeLessThanOrEqual(4);
});
