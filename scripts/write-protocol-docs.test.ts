import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { protocolDocs, withCurrentTables } from "./write-protocol-docs.ts";

test("the tables of docs/protocol.md are current; scripts/write-protocol-docs.ts writes them", () => {
  const text = readFileSync(protocolDocs, "utf8");
  expect(text).toBe(withCurrentTables(text));
});
