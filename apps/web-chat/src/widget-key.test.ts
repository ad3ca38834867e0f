import { expect, test } from "vitest";
import { readWidgetKey } from "./widget-key.ts";

test.each([
  ["/chat/demoshop00000000", "demoshop00000000"],
  ["/chat/demoshop00000000/", "demoshop00000000"],
  ["/chat/", ""],
  ["/chat/short", ""],
  ["/chat/..%2fdemoshop00000000", ""],
  ["/chat/DEMOSHOP00000000", ""],
])("the widget key of %j is %j", (path, key) => {
  expect(readWidgetKey(path)).toBe(key);
});
