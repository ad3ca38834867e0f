/** Nesting of anything that others send us. */
export const maxJsonDepth = 20;

/**
 * Whether parsed JSON is nested deeper, or has more keys and elements, than allowed. Looks no further than needed to tell,
 * and does not recurse: the nesting is the sender's choice.
 */
export function exceedsJson(value: unknown, depth: number, keys = Number.POSITIVE_INFINITY): boolean {
  let level: unknown[] = [value];
  let seen = 0;
  for (let at = 0; level.length > 0; at++) {
    const next: unknown[] = [];
    for (const one of level) {
      if (typeof one !== "object" || one === null) continue;
      if (at >= depth) return true;
      const inside: unknown[] = Object.values(one);
      seen += inside.length;
      if (seen > keys) return true;
      for (const child of inside) if (typeof child === "object") next.push(child);
    }
    level = next;
  }
  return false;
}
