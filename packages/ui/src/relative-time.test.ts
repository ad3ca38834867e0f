import { expect, test } from "vitest";
import { clockTime, dayLabel, exactTime, isSameDay, relativeTime } from "./relative-time.ts";

const now = "2026-03-04T12:00:00.000Z";
const plain = (text: string) => text.replace(/[\u202f\u00a0]/g, " ");

test("relative while it is fresh, exact afterwards", () => {
  const at = (time: string) => plain(relativeTime(time, now, "en-GB", "UTC"));
  expect(at("2026-03-04T11:59:30Z")).toBe("now");
  expect(at("2026-03-04T11:55:00Z")).toBe("5 min ago");
  expect(at("2026-03-04T09:05:00Z")).toBe("09:05");
  expect(at("2026-03-03T23:59:00Z")).toBe("yesterday");
  expect(at("2026-02-28T10:00:00Z")).toBe("Sat");
  expect(at("2026-01-02T10:00:00Z")).toBe("2 Jan");
  expect(at("2025-12-31T10:00:00Z")).toBe("31 Dec 2025");
});

test("a clock that is ahead of ours counts as now", () => {
  expect(relativeTime("2026-03-04T12:00:20Z", now, "en", "UTC")).toBe("now");
});

test("speaks the reader's language and zone", () => {
  expect(plain(relativeTime("2026-03-04T11:55:00Z", now, "de", "Europe/Berlin"))).toBe("vor 5 Min.");
  expect(dayLabel("2026-03-03T10:00:00Z", now, "ar", "UTC")).toBe("أمس");
  expect(clockTime("2026-03-04T22:30:00Z", "de", "Europe/Berlin")).toBe("23:30");
  expect(exactTime("2026-03-04T22:30:00Z", "de", "Europe/Berlin")).toContain("2026");
});

test("days change at the reader's midnight", () => {
  expect(isSameDay("2026-03-04T22:30:00Z", "2026-03-04T23:30:00Z", "UTC")).toBe(true);
  expect(isSameDay("2026-03-04T22:30:00Z", "2026-03-04T23:30:00Z", "Europe/Berlin")).toBe(false);
  expect(dayLabel("2026-03-03T23:30:00Z", now, "en", "Europe/Berlin")).toBe("today");
  expect(dayLabel("2026-03-03T22:30:00Z", now, "en", "Europe/Berlin")).toBe("yesterday");
  expect(dayLabel("2026-03-01T22:30:00Z", now, "en-GB", "UTC")).toBe("Sunday 1 March");
});

test("a day is 23 hours long when the clock goes forward", () => {
  const before = "2026-03-28T22:30:00Z"; // 23:30 in Berlin, the clock goes forward that night
  expect(dayLabel(before, "2026-03-29T21:30:00Z", "en", "Europe/Berlin")).toBe("yesterday");
});
