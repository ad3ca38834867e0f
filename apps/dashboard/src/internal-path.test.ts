import { expect, it } from "vitest";
import { isInternalPath } from "./internal-path.ts";

const origin = "https://chat.example";

it.each(["/", "/inbox/mine/cnv_1?x=1#y", "/a//b"])("accepts %j", (path) => {
  expect(isInternalPath(path, origin)).toBe(true);
});

it.each([
  "//evil.example",
  "/\\evil.example",
  "/\t/evil.example",
  "https://chat.example/",
  "javascript:alert(1)",
  "inbox",
  "",
  null,
  7,
  {},
])("refuses %j", (path) => {
  expect(isInternalPath(path, origin)).toBe(false);
});
