import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { operationsDocs, withCurrentFigures } from "./write-operations-docs.ts";

test("the figures of docs/operations.md are current; scripts/write-operations-docs.ts writes them", async () => {
  const text = readFileSync(operationsDocs, "utf8");
  expect(text).toBe(await withCurrentFigures(text));
});
