// For tests only: placeholders and patterns of the conformance scripts.
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

/** What the placeholders of a script stand for so far. */
export type Variables = Map<string, unknown>;

const placeholder = /\$\{([\w:-]+)\}/;
const wholePlaceholder = /^\$\{([\w:-]+)\}$/;

/** A value to be sent, with its placeholders filled in. Throws for a name that nothing was bound to. */
export function fill(value: unknown, variables: Variables): unknown {
  if (typeof value === "string") return fillText(value, variables);
  if (Array.isArray(value)) return value.map((item) => fill(item, variables));
  if (typeof value !== "object" || value === null) return value;
  if ("$text" in value && "times" in value) return String(value.$text).repeat(Number(value.times));
  if ("$list" in value && "times" in value) return Array(Number(value.times)).fill(fill(value.$list, variables));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, variables)]));
}

function fillText(text: string, variables: Variables): unknown {
  const whole = wholePlaceholder.exec(text);
  if (whole) return valueOf(whole[1]!, variables);
  return text.replace(new RegExp(placeholder, "g"), (_, name: string) => String(valueOf(name, variables)));
}

/** `uuid:name` makes a UUID where it is named first. */
function valueOf(name: string, variables: Variables): unknown {
  if (!variables.has(name)) {
    if (!name.startsWith("uuid:")) throw new Error(`nothing is known as ${name} yet`);
    variables.set(name, randomUUID());
  }
  return variables.get(name);
}

const kinds: Record<string, (value: unknown) => boolean> = {
  string: (value) => typeof value === "string" && value !== "",
  uuid: (value) => typeof value === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
  uuidv7: (value) => typeof value === "string" && isUuidV7(value),
  time: (value) => typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
};

/**
 * Whether a value fits a pattern: objects may have further keys, lists have exactly the items. A placeholder without a value
 * takes the one it meets; the variables change only if all of the pattern fits.
 */
export function matches(pattern: unknown, value: unknown, variables: Variables): boolean {
  const attempt = new Map(variables);
  if (!fits(pattern, value, attempt)) return false;
  for (const [name, bound] of attempt) variables.set(name, bound);
  return true;
}

function fits(pattern: unknown, value: unknown, variables: Variables): boolean {
  if (typeof pattern === "string") {
    const name = wholePlaceholder.exec(pattern)?.[1];
    if (name === undefined || name.startsWith("uuid:") || variables.has(name))
      return isDeepStrictEqual(fill(pattern, variables), value);
    if (value === undefined) return false;
    variables.set(name, value);
    return true;
  }
  if (Array.isArray(pattern)) {
    return (
      Array.isArray(value) &&
      value.length === pattern.length &&
      pattern.every((item, index) => fits(item, value[index], variables))
    );
  }
  if (typeof pattern !== "object" || pattern === null) return pattern === value;
  const [[matcher, argument] = ["", null]] = Object.entries(pattern) as [string, unknown][];
  switch (matcher) {
    case "$is":
      return kinds[String(argument)]!(value);
    case "$absent":
      return value === undefined;
    case "$not":
      return !fits(argument, value, new Map(variables));
    case "$atLeast":
      return typeof value === "number" && value >= Number(argument);
    case "$matches":
      return typeof value === "string" && new RegExp(String(argument)).test(value);
    case "$before":
      return typeof value === "string" && value < String(argument);
    case "$after":
      return typeof value === "string" && value > String(argument);
    case "$length":
      return Array.isArray(value) && value.length === argument;
    case "$some":
      return Array.isArray(value) && value.some((item) => fits(argument, item, variables));
    case "$text":
    case "$list":
      return isDeepStrictEqual(fill(pattern, variables), value);
  }
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(pattern).every(([key, item]) => fits(item, (value as Record<string, unknown>)[key], variables));
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** A public id: a prefix, and 26 characters of Crockford's base 32 that hold 128 bits. */
function isUuidV7(id: string): boolean {
  const [, digits] = /^[a-z]{3}_([0-9a-hjkmnp-tv-z]{26})$/.exec(id) ?? [];
  if (digits === undefined) return false;
  const bits = Array.from(digits).reduce((sum, digit) => sum * 32n + BigInt(alphabet.indexOf(digit)), 0n);
  return ((bits >> 76n) & 0xfn) === 7n && ((bits >> 62n) & 3n) === 2n;
}
