import type { ServerFrame } from "@presszero/contracts";
import { expect, test } from "vitest";
import { liveClient, type TestClient } from "../test/client.ts";
import { agentAuthor, createLane, type Lane } from "../test/lane.ts";
import { isOtherSideOnline, viewers } from "./selectors.ts";
import type { Side } from "./types.ts";

function synced(client: TestClient, lane: Lane): void {
  client.receive({
    type: "synced",
    id: null,
    conversationId: lane.id,
    head: 1,
    from: 0,
    to: 1,
    mine: { read: 0 },
    other: { delivered: 0, read: 0 },
  });
}

/** A live client with an open conversation. */
function following(side: Side = "business") {
  const client = liveClient(side);
  const lane = createLane(side);
  client.take({ type: "open", conversationId: lane.id, tab: "a" });
  client.take({ type: "answered", key: "summary", answer: { op: "summary", summary: lane.summary() } });
  synced(client, lane);
  client.frames = [];
  return { client, lane };
}

const told = (client: TestClient) => client.framesOf("viewing").map((frame) => frame.on);
const sign = (lane: Lane, content: Omit<Extract<ServerFrame, { type: "ephemeral" }>, "type" | "conversationId">) =>
  ({ type: "ephemeral", conversationId: lane.id, ...content }) as ServerFrame;

test("colleagues are told at once, every 20 s, and when it ends, whatever the number of tabs", () => {
  const { client, lane } = following();
  const look = (tab: string, on: boolean) => client.take({ type: "viewing", conversationId: lane.id, tab, on });
  look("a", true);
  look("b", true);
  look("a", true);
  expect(told(client)).toEqual([true]);
  client.pass(20_000);
  client.pass(20_000);
  expect(told(client)).toEqual([true, true]);
  look("a", false);
  expect(told(client)).toEqual([]);
  client.take({ type: "tab_gone", tab: "b" });
  expect(told(client)).toEqual([false]);
  client.pass(60_000);
  expect(told(client)).toEqual([]);
});

test("a new connection is told once it follows the conversation", () => {
  const { client, lane } = following();
  client.take({ type: "viewing", conversationId: lane.id, tab: "a", on: true });
  client.disconnect();
  client.pass(500);
  client.framesOf("viewing");
  client.connect();
  expect(told(client)).toEqual([]);
  synced(client, lane);
  expect(told(client)).toEqual([true]);
});

test("a customer tells nobody", () => {
  const { client, lane } = following("contact");
  client.take({ type: "viewing", conversationId: lane.id, tab: "a", on: true });
  expect(told(client)).toEqual([]);
});

test("who looks and who is there is known as long as somebody tells it", () => {
  const { client, lane } = following();
  expect([viewers(client.state, lane.id), isOtherSideOnline(client.state, lane.id)]).toEqual([[], null]);
  client.receive(sign(lane, { kind: "viewing", data: { by: agentAuthor, on: true } }));
  client.receive(sign(lane, { kind: "presence", data: { online: true } }));
  expect([viewers(client.state, lane.id), isOtherSideOnline(client.state, lane.id)]).toEqual([[agentAuthor], true]);
  client.receive(sign(lane, { kind: "viewing", data: { by: agentAuthor, on: false } }));
  client.receive(sign(lane, { kind: "presence", data: { online: false } }));
  expect([viewers(client.state, lane.id), isOtherSideOnline(client.state, lane.id)]).toEqual([[], false]);
  client.receive(sign(lane, { kind: "viewing", data: { by: agentAuthor, on: true } }));
  client.disconnect();
  expect([viewers(client.state, lane.id), isOtherSideOnline(client.state, lane.id)]).toEqual([[], null]);
});
