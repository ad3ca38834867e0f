import { expect, test } from "vitest";
import { initials } from "./avatar.tsx";

test.each([
  ["Kestrel & Finch", "KF"],
  ["Mia", "M"],
  ["mia van der berg", "MB"],
  ["👩‍🚀 Åsa", "Å"],
  ["محمد علي", "مع"],
  ["", ""],
])("the initials of %j are %j", (name, expected) => {
  expect(initials(name)).toBe(expected);
});
