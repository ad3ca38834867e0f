const minute = 60_000;
const hour = 60 * minute;

type Time = Date | number | string;

/** Formatters are slow to make and lists make the same ones again and again. */
const formats = new Map<string, Intl.DateTimeFormat>();

function format(locale: string, timeZone: string | undefined, options: Intl.DateTimeFormatOptions, time: Date): string {
  const key = JSON.stringify([locale, timeZone, options]);
  let formatter = formats.get(key);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat(locale, { ...options, timeZone });
    formats.set(key, formatter);
  }
  return formatter.format(time);
}

/** Days since 1970 in the reader's zone. */
function dayNumber(time: Date, timeZone: string | undefined): number {
  const day = format(
    "en-CA-u-ca-iso8601-nu-latn",
    timeZone,
    { year: "numeric", month: "2-digit", day: "2-digit" },
    time,
  );
  return Math.round(Date.parse(`${day}T00:00:00Z`) / (24 * hour));
}

function relative(locale: string, value: number, unit: Intl.RelativeTimeFormatUnit): string {
  return new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" }).format(value, unit);
}

/** "now", "5 min. ago", then the time of day, "yesterday", the weekday, at last the date. A clock that is ahead counts as now. */
export function relativeTime(at: Time, now: Time, locale: string, timeZone?: string): string {
  const time = new Date(at);
  const age = Math.max(0, new Date(now).getTime() - time.getTime());
  if (age < minute) return relative(locale, 0, "second");
  if (age < hour) return relative(locale, -Math.floor(age / minute), "minute");
  const days = dayNumber(new Date(now), timeZone) - dayNumber(time, timeZone);
  if (days <= 0) return clockTime(time, locale, timeZone);
  if (days === 1) return relative(locale, -1, "day");
  if (days < 7) return format(locale, timeZone, { weekday: "short" }, time);
  const sameYear =
    format("en", timeZone, { year: "numeric" }, time) === format("en", timeZone, { year: "numeric" }, new Date(now));
  return format(locale, timeZone, { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) }, time);
}

/** The time of day, such as 14:05. */
export function clockTime(at: Time, locale: string, timeZone?: string): string {
  return format(locale, timeZone, { timeStyle: "short" }, new Date(at));
}

/** The whole moment, for a tooltip. */
export function exactTime(at: Time, locale: string, timeZone?: string): string {
  return format(locale, timeZone, { dateStyle: "full", timeStyle: "short" }, new Date(at));
}

/** The whole moment to the millisecond, where that is what counts. */
export function momentTime(at: Time, locale: string, timeZone?: string): string {
  const day = { weekday: "long", day: "numeric", month: "long", year: "numeric" } as const;
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 } as const;
  return format(locale, timeZone, { ...day, ...clock }, new Date(at));
}

/** How long something took, in the one unit that says it best: "38 ms", "1.4 sec", "12 min", "3 hr", "2 days". */
export function duration(milliseconds: number, locale: string): string {
  const [value, unit, digits] =
    milliseconds < 999.5
      ? [milliseconds, "millisecond", 0]
      : milliseconds < minute
        ? [milliseconds < 9_950 ? milliseconds / 1000 : Math.floor(milliseconds / 1000), "second", 1]
        : milliseconds < hour
          ? [Math.floor(milliseconds / minute), "minute", 0]
          : milliseconds < 48 * hour
            ? [Math.floor(milliseconds / hour), "hour", 0]
            : [Math.floor(milliseconds / (24 * hour)), "day", 0];
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: digits,
  })
    .format(value)
    .replaceAll(" ", "\u00a0");
}

/** The heading over the messages of one day: "today", "yesterday", then the date. */
export function dayLabel(at: Time, now: Time, locale: string, timeZone?: string): string {
  const time = new Date(at);
  const days = dayNumber(new Date(now), timeZone) - dayNumber(time, timeZone);
  if (days <= 1) return relative(locale, -Math.max(0, days), "day");
  return format(
    locale,
    timeZone,
    { weekday: "long", day: "numeric", month: "long", ...(days > 300 ? { year: "numeric" } : {}) },
    time,
  );
}

export function isSameDay(one: Time, other: Time, timeZone?: string): boolean {
  return dayNumber(new Date(one), timeZone) === dayNumber(new Date(other), timeZone);
}
