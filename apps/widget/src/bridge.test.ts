import { expect, test } from "vitest";
import { parseFrameMessage, parseLoaderMessage } from "./bridge.ts";

test("the loader understands exactly the three messages of the frame", () => {
  for (const message of [{ type: "ready" }, { type: "close" }, { type: "state", agreed: true, unread: 3 }]) {
    expect(parseFrameMessage({ presszero: 1, ...message })).toEqual({ presszero: 1, ...message });
  }
});

test("the frame understands shown and hidden", () => {
  expect(parseLoaderMessage({ presszero: 1, type: "shown" })).toEqual({ presszero: 1, type: "shown" });
  expect(parseLoaderMessage({ presszero: 1, type: "ready" })).toBeNull();
});

test.each([
  null,
  "close",
  [],
  { type: "close" },
  { presszero: 2, type: "close" },
  { presszero: 1, type: "open" },
  { presszero: 1, type: "close", extra: true },
  { presszero: 1, type: "state", agreed: "yes", unread: 1 },
  { presszero: 1, type: "state", agreed: true, unread: -1 },
  { presszero: 1, type: "state", agreed: true, unread: 1.5 },
  { presszero: 1, type: "state", agreed: true, unread: "<b>" },
])("anything else is refused: %j", (data) => {
  expect(parseFrameMessage(data)).toBeNull();
});
