import type { CompanyId, ConversationId } from "@presszero/contracts";
import { expect, it } from "vitest";
import type { LaneEvent } from "../conversations/index.ts";
import { createGroup, failed, filled, type GroupEffect, heardOf, offer, retry, settle } from "./group.ts";

const event = (seq: number): LaneEvent => ({
  companyId: "cmp_1" as CompanyId,
  conversationId: "cnv_1" as ConversationId,
  seq,
  publicSeq: seq,
  isPublic: true,
  kind: "message.created",
  by: { type: "agent", id: "agt_1", name: "Jonas" },
  at: new Date(0),
  data: {},
  message: null,
});
const passed = (effects: readonly GroupEffect[]) =>
  effects.flatMap((effect) => (effect.type === "pass" ? [effect.event.seq] : []));
const read = (after: number): GroupEffect => ({ type: "read", after });

it("SR7: passes on the next event, drops a known one, reads what is missing before one further ahead", () => {
  const group = createGroup();
  settle(group, 2);
  expect(passed(offer(group, event(3)))).toEqual([3]);
  expect(offer(group, event(3))).toEqual([]);
  expect(offer(group, event(5))).toEqual([read(3)]);
  // While it reads, events wait for the database.
  expect(offer(group, event(6))).toEqual([]);
  const effects = filled(group, [event(4), event(5)]);
  expect(passed(effects)).toEqual([4, 5]);
  expect(effects.at(-1)).toEqual(read(5));
  expect(passed(filled(group, [event(6)]))).toEqual([6]);
  expect(passed(offer(group, event(7)))).toEqual([7]);
});

it("SR7: waits for the first member to tell where the conversation stands, then reads what it has heard of", () => {
  const group = createGroup();
  expect(offer(group, event(4))).toEqual([]);
  expect(heardOf(group, 5)).toEqual([]);
  expect(settle(group, 3)).toEqual([{ type: "heard", seq: 3 }, read(3)]);
  expect(settle(group, 9)).toEqual([]);
});

it("SR7: reads again after a sweep what could not be read, and does not ask for what is not there", () => {
  const group = createGroup();
  settle(group, 1);
  expect(heardOf(group, 2)).toEqual([read(1)]);
  expect(heardOf(group, 2)).toEqual([]);
  expect(failed(group)).toEqual([]);
  expect(retry(group)).toEqual([read(1)]);
  expect(filled(group, [])).toEqual([]);
  expect(passed(filled(group, [event(2)]))).toEqual([2]);
  expect(retry(group)).toEqual([]);
});
