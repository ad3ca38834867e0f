import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holdOrder } from "./list-hold.ts";

/** In these tests capital letters have arrived since. */
const isArrival = (id: string) => id < "a";
const hold = (shown: string, fresh: string) => {
  const { ids, waiting } = holdOrder(shown.split(""), fresh.split(""), isArrival);
  return `${ids.join("")} ${waiting}`;
};

describe("holdOrder", () => {
  it("keeps rows in place when activity moves one to the top", () => {
    expect(hold("abc", "cab")).toBe("abc 0");
  });

  it("holds arrivals back and counts them", () => {
    expect(hold("ab", "XYab")).toBe("ab 2");
  });

  it("keeps a row that left the list", () => {
    expect(hold("abc", "ac")).toBe("abc 0");
  });

  it("adds what was loaded below", () => {
    expect(hold("ab", "bacd")).toBe("abcd 0");
  });

  it("puts what was loaded between rows where it belongs", () => {
    expect(hold("af", "Xabcfg")).toBe("abcfg 1");
  });

  it("shows everything when nothing was shown", () => {
    expect(hold("", "ab")).toBe("ab 0");
  });

  it("never changes the order of shown rows, doubles or loses any", () => {
    const ids = fc.uniqueArray(fc.constantFrom(...Array.from("abcdefXYZ")));
    fc.assert(
      fc.property(ids, ids, (shown, fresh) => {
        const held = holdOrder(shown, fresh, isArrival);
        expect(held.ids.filter((id) => shown.includes(id))).toEqual(shown);
        expect(new Set(held.ids).size).toBe(held.ids.length);
        const newcomers = fresh.filter((id) => !shown.includes(id));
        expect(held.waiting).toBe(newcomers.filter(isArrival).length);
        expect(held.ids.length).toBe(shown.length + newcomers.length - held.waiting);
      }),
    );
  });
});
