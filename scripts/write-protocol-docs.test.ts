import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeSettings } from "../apps/server/src/kernel/settings.ts";
import { protocolLimits } from "../packages/contracts/src/protocol/limits.ts";
import { protocolDocs, withCurrentTables } from "./write-protocol-docs.ts";

test("the tables of docs/protocol.md are current; scripts/write-protocol-docs.ts writes them", () => {
  const text = readFileSync(protocolDocs, "utf8");
  expect(text).toBe(withCurrentTables(text));
});

test("limits that are settings are told with their defaults", () => {
  const settings = new Map(describeSettings().map(({ name, example }) => [name, example]));
  const told = protocolLimits.flatMap(({ setting }) => (setting ? [setting] : []));
  expect(told.length).toBeGreaterThan(5);
  for (const { name, default: value } of told) expect(`${name} ${settings.get(name)}`).toBe(`${name} ${value}`);
});
