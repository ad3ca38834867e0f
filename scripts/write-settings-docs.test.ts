import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { envExample, settingsPage } from "./write-settings-docs.ts";

const root = join(import.meta.dirname, "..");

test(".env.example and docs/settings.md are what the script writes", () => {
  expect(readFileSync(join(root, ".env.example"), "utf8")).toBe(envExample());
  expect(readFileSync(join(root, "docs/settings.md"), "utf8")).toBe(settingsPage());
});
