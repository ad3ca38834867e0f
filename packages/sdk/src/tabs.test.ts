import type { ConversationId } from "@presszero/contracts";
import { afterEach, expect, test } from "vitest";
import { openBrowser } from "../test/browser.ts";
import type { Lane } from "../test/lane.ts";
import { startTestServer, type TestServer, until } from "../test/server.ts";
import { ApiError } from "./http.ts";
import { thread } from "./selectors.ts";
import type { Sync } from "./sync.ts";

const running: { stop: () => unknown }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.stop();
});

async function setUp() {
  const server = await startTestServer("contact");
  running.push(server);
  const browser = openBrowser(server);
  const openTab = () => {
    const tab = browser.openTab();
    running.push({ stop: tab.kill });
    return tab;
  };
  return { server, browser, openTab };
}

const isLive = (sync: Sync) => sync.getState().connection.name === "live";
const textsOf = (sync: Sync, id: ConversationId) =>
  thread(sync.getState(), id).flatMap((row) => (row.type === "message" ? [row.message.text] : []));
const storedTexts = (lane: Lane) =>
  lane.events.flatMap((event) => (event.kind === "message.created" ? [event.data.text] : []));
const text = (words: string) => ({ kind: "text", text: words }) as const;
const connections = (server: TestServer) => server.framesOf("hello").length;

test("[CR9] one connection for all tabs, which show the same and act alike", async () => {
  const { server, browser, openTab } = await setUp();
  const lane = server.addLane();
  const [first, second] = [openTab(), openTab()];
  await until(() => isLive(first) && isLive(second));
  second.open(lane.id);
  await until(() => first.getState().conversations[lane.id]?.synced === true);
  second.send(lane.id, text("from the second"));
  expect(thread(second.getState(), lane.id).at(-1)).toMatchObject({ type: "pending", status: "sending" }); // at once
  first.send(lane.id, text("from the first"));
  for (const tab of [first, second]) await until(() => textsOf(tab, lane.id).length === 2);
  expect(storedTexts(lane).toSorted()).toEqual(["from the first", "from the second"]);
  expect(textsOf(first, lane.id)).toEqual(storedTexts(lane));
  second.markRead(lane.id);
  second.typing(lane.id, true);
  await until(() => server.framesOf("typing").length === 1);
  expect(second.getState()).toEqual(first.getState());
  expect(server.framesOf("hello")).toMatchObject([{ deviceId: browser.deviceId }]);
  expect(server.framesOf("send")).toHaveLength(2);
});

test("a tab that opens later has everything at once", async () => {
  const { server, openTab } = await setUp();
  const lane = server.addLane();
  server.happen(lane, { type: "message", by: "agent", kind: "text", text: "earlier" });
  const first = openTab();
  first.open(lane.id);
  await until(() => textsOf(first, lane.id).length === 1);
  const second = openTab();
  second.open(lane.id);
  await until(() => textsOf(second, lane.id).length === 1);
  const inHello = server.framesOf("hello").flatMap((frame) => frame.subscriptions);
  expect([connections(server), inHello.length + server.framesOf("subscribe").length]).toEqual([1, 1]);
  await until(() => first.getState().conversations[lane.id]!.synced);
  expect(second.getState()).toEqual(first.getState());
});

test("lists and older pages that a tab asks for are its own to wait for", async () => {
  const { server, openTab } = await setUp();
  const lane = server.addLane();
  for (let n = 0; n < 15; n++) server.happen(lane, { type: "message", by: "agent", kind: "text", text: `${n}` });
  const [first, second] = [openTab(), openTab()];
  await until(() => isLive(first) && isLive(second));
  expect(await second.loadConversations()).toEqual({ next: null });
  await second.loadOlder(lane.id);
  await second.loadOlder(lane.id);
  await second.loadOlder(lane.id);
  expect(second.getState().conversations[lane.id]!.events).toEqual(lane.events);
  server.lanes.delete(lane.id);
  const other = server.addLane().id.replace(/.$/, "9") as ConversationId;
  await expect(second.loadOlder(other)).rejects.toThrow(ApiError);
});

test("each tab has its own screens: subscriptions are those of all, and end with the last one", async () => {
  const { server, openTab } = await setUp();
  const [one, two] = [server.addLane(), server.addLane()];
  const [first, second] = [openTab(), openTab()];
  await until(() => isLive(first) && isLive(second));
  const release = first.open(one.id);
  second.open(one.id);
  second.open(two.id);
  await until(() => server.framesOf("subscribe").length === 2);
  release();
  second.stop();
  await until(() => server.framesOf("unsubscribe").length === 2);
  expect(new Set(server.framesOf("unsubscribe").map((frame) => frame.conversationId))).toEqual(
    new Set([one.id, two.id]),
  );
  expect(server.framesOf("subscribe")).toHaveLength(2);
});

test("a conversation that is started in one tab is not `started` in another", async () => {
  const { server, openTab } = await setUp();
  const [first, second] = [openTab(), openTab()];
  await until(() => isLive(first) && isLive(second));
  first.send(null, text("by the first"));
  await until(() => first.getState().started !== null);
  second.send(null, text("by the second"));
  await until(() => second.getState().started !== null);
  const [one, two] = [...server.lanes.keys()];
  expect([first.getState().started, second.getState().started]).toEqual([one, two]);
});

test("[CR9] the leader closes: the next tab goes on at once, as the same device, with nothing lost or sent twice", async () => {
  const { server, browser, openTab } = await setUp();
  const lane = server.addLane();
  const [first, second, third] = [openTab(), openTab(), openTab()];
  for (const tab of [first, second, third]) await until(() => isLive(tab));
  second.open(lane.id);
  await until(() => third.getState().conversations[lane.id]?.synced === true);
  server.onSend = "store_silently";
  server.isPushing = false;
  second.send(lane.id, text("on its way"));
  await until(() => storedTexts(lane).length === 1);
  server.onSend = "ok";
  server.isPushing = true;
  first.stop();
  third.send(lane.id, text("right after"));
  await until(() => textsOf(second, lane.id).length === 2 && textsOf(third, lane.id).length === 2);
  expect(storedTexts(lane)).toEqual(["on its way", "right after"]);
  expect(connections(server)).toBe(2);
  expect(new Set(server.framesOf("hello").map((frame) => frame.deviceId))).toEqual(new Set([browser.deviceId]));
  expect(first.getState().connection.name).toBe("offline");
  first.start();
  await until(() => isLive(first) && textsOf(first, lane.id).length === 2);
  expect(connections(server)).toBe(2);
});

test("a tab that has missed something asks for everything", async () => {
  const { server, browser, openTab } = await setUp();
  const lane = server.addLane();
  const [first, second] = [openTab(), openTab()];
  await until(() => isLive(first) && isLive(second));
  first.open(lane.id);
  await until(() => second.getState().conversations[lane.id]?.synced === true);
  const channel = new BroadcastChannel(browser.name);
  running.push({ stop: () => channel.close() });
  // A step that the second tab alone hears of: whatever it is, the next one does not follow from it.
  const reign = await new Promise<{ term: number; tab: string }>((resolve) => {
    channel.onmessage = ({ data }: { data: { reign?: { term: number; tab: string } } }) =>
      data.reign && resolve(data.reign);
    first.wake();
  });
  channel.postMessage({
    type: "step",
    reign,
    n: 1e9,
    input: { type: "stop" },
    around: { now: 0, random: 0 },
    asked: null,
  });
  server.happen(lane, { type: "message", by: "agent", kind: "text", text: "after the gap" });
  await until(() => textsOf(second, lane.id).length === 1);
  expect(second.getState()).toEqual(first.getState());
});

/** Tabs of which the first one leads; the second one has a conversation open. */
async function openTabs(count: number) {
  const { server, browser, openTab } = await setUp();
  const lane = server.addLane();
  const tabs: ReturnType<typeof openTab>[] = [];
  for (let n = 0; n < count; n++) {
    tabs.push(openTab());
    await until(() => isLive(tabs[n]!));
  }
  tabs[1]!.open(lane.id);
  for (const tab of tabs) await until(() => tab.getState().conversations[lane.id]?.synced === true);
  return { server, browser, openTab, lane, tabs };
}

test("the leader is killed in the middle of a message: it exists once, and what was written elsewhere follows", async () => {
  const { server, browser, lane, tabs } = await openTabs(3);
  const [leader, second, third] = tabs;
  server.onSend = "store_silently";
  server.isPushing = false;
  for (const words of ["one", "two"]) leader!.send(lane.id, text(words));
  await until(() => storedTexts(lane).length === 1);
  leader!.kill();
  server.onSend = "ok";
  server.isPushing = true;
  third!.send(lane.id, text("three"));
  for (const tab of [second!, third!]) await until(() => textsOf(tab, lane.id).length === 3);
  expect(textsOf(third!, lane.id)).toEqual(["one", "two", "three"]);
  expect(storedTexts(lane)).toEqual(["one", "two", "three"]);
  expect(server.framesOf("hello").map((frame) => frame.deviceId)).toEqual([browser.deviceId, browser.deviceId]);
  expect(third!.getState()).toEqual(second!.getState());
});

test("a killed tab lets go of its conversations, and what it had stored and not told is sent", async () => {
  const { server, browser, lane, tabs } = await openTabs(2);
  const [leader, second] = tabs;
  second!.freeze(); // Stores the message, and is killed before it says so.
  second!.send(lane.id, text("last words"));
  await until(async () => (await browser.storage.load()).length === 1);
  second!.kill();
  await until(() => storedTexts(lane).length === 1);
  await until(() => server.framesOf("unsubscribe").length === 1);
  expect(leader!.getState().conversations[lane.id]!.synced).toBe(false);
});

test("[CR9] the leader is frozen: another tab takes over, and the leader follows when it wakes up", async () => {
  const { server, lane, tabs } = await openTabs(3);
  const [leader, second, third] = tabs;
  leader!.freeze();
  third!.send(lane.id, text("meanwhile"));
  for (const tab of [second!, third!]) await until(() => textsOf(tab, lane.id).length === 1);
  leader!.thaw();
  leader!.send(lane.id, text("awake"));
  for (const tab of tabs) await until(() => textsOf(tab, lane.id).length === 2);
  expect(storedTexts(lane)).toEqual(["meanwhile", "awake"]);
  await until(() => leader!.getState().connection.name === "live");
  expect(leader!.getState()).toEqual(second!.getState());
  expect(connections(server)).toBe(2);
}, 30_000);

test("all tabs are killed: the next one sends what they have left", async () => {
  const { server, browser, openTab, lane, tabs } = await openTabs(2);
  server.onSend = "ignore";
  for (const [index, tab] of tabs.entries()) tab.send(lane.id, text(`of tab ${index}`));
  await until(async () => (await browser.storage.load()).length === 2);
  for (const tab of tabs) tab.kill();
  server.onSend = "ok";
  const next = openTab();
  next.open(lane.id);
  await until(() => textsOf(next, lane.id).length === 2);
  expect(storedTexts(lane).toSorted()).toEqual(["of tab 0", "of tab 1"]);
  expect(connections(server)).toBe(2);
});
