import { expect, it } from "vitest";
import { exceedsJson } from "./json-size.ts";

const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));

it("knows how deep JSON is, however deep", () => {
  expect(exceedsJson(nested(20), 20)).toBe(false);
  expect(exceedsJson(nested(21), 20)).toBe(true);
  expect(exceedsJson(nested(100_000), 20)).toBe(true);
  for (const plain of [null, 1, "text", true, {}, { a: null }]) expect(exceedsJson(plain, 1)).toBe(false);
});

it("counts keys and elements over all levels", () => {
  const wide = { a: Array.from({ length: 498 }, (_, index) => index), b: 1 };
  expect(exceedsJson(wide, 20, 500)).toBe(false);
  expect(exceedsJson({ ...wide, c: 1 }, 20, 500)).toBe(true);
});
