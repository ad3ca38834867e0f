import { expect, it } from "vitest";
import { judge, type Stored } from "./verify.ts";

const whole: Stored = {
  conversationId: "cnv_a",
  messages: 5,
  duplicates: 0,
  events: 7,
  maxSeq: 7,
  head: 7,
  publicEvents: 6,
  maxPublicSeq: 6,
  publicHead: 6,
};
const expected = new Map([["cnv_a", 5]]);
const clean = { lost: 0, unexpected: 0, duplicated: 0, gaps: 0, problems: [] };

it("passes what is stored once and numbered without a gap", () => {
  expect(judge(expected, [whole])).toEqual(clean);
});

it.each([
  ["a message that was acknowledged and is not stored", { messages: 4 }, { lost: 1 }],
  ["a message that nobody was told of", { messages: 6 }, { unexpected: 1 }],
  ["the same client id twice", { duplicates: 1 }, { duplicated: 1 }],
  ["a hole in the numbers", { maxSeq: 8, head: 8 }, { gaps: 1 }],
  ["a conversation that is ahead of its events", { head: 8 }, { gaps: 1 }],
  ["a hole in the customer's lane", { maxPublicSeq: 7 }, { gaps: 1 }],
  ["a customer's lane that is ahead", { publicHead: 7 }, { gaps: 1 }],
])("finds %s", (_name, change, found) => {
  const verdict = judge(expected, [{ ...whole, ...change }]);
  expect(verdict).toMatchObject({ ...clean, ...found, problems: [expect.stringContaining("cnv_a")] });
});

it("misses a conversation that is not there at all", () => {
  expect(judge(expected, [])).toMatchObject({ lost: 5 });
});
