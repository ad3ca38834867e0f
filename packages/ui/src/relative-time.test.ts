import { expect, test } from "vitest";
import { clockTime, dayLabel, duration, exactTime, isSameDay, momentTime, relativeTime } from "./relative-time.ts";

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

test("a moment is told to the millisecond", () => {
  const moment = plain(momentTime("2026-03-04T22:30:07.042Z", "en-GB", "Europe/Berlin"));
  expect(moment).toMatch(/Wednesday.*4 March 2026/);
  expect(moment).toContain("23:30:07.042");
});

test("a duration is told in the unit that says it best", () => {
  const tell = (milliseconds: number, locale = "en") => plain(duration(milliseconds, locale));
  expect([0, 0.4, 38.2, 999, 999.6, 1_440, 9_949, 12_345, 59_999].map((one) => tell(one))).toEqual([
    "0 ms",
    "0 ms",
    "38 ms",
    "999 ms",
    "1 sec",
    "1.4 sec",
    "9.9 sec",
    "12 sec",
    "59 sec",
  ]);
  expect([60_000, 3_599_999, 3_600_000, 172_799_999, 172_800_000].map((one) => tell(one))).toEqual([
    "1 min",
    "59 min",
    "1 hr",
    "47 hr",
    "2 days",
  ]);
  expect(tell(1_440, "de")).toBe("1,4 Sek.");
});
