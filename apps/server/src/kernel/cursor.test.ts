import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Ctx } from "./context.ts";
import { encodeCursor, findCursorPosition } from "./cursor.ts";

/** As much of a ctx as a cursor needs. */
const ctxOf = (companyId: string, actorId: string, secretKey = "k".repeat(32)) =>
  ({ companyId, actor: { id: actorId }, settings: { secretKey } }) as unknown as Ctx;

const name = fc.constantFrom("a", "b", "a b");
const position = fc.oneof(fc.string(), fc.record({ listedAt: fc.string(), id: fc.string() }), fc.nat());

describe("a cursor", () => {
  it("gives back the position that it was made of, whatever that is", () => {
    fc.assert(
      fc.property(name, name, position, (company, actor, at) => {
        const ctx = ctxOf(company, actor);
        expect(findCursorPosition(ctx, "feed", encodeCursor(ctx, "feed", at))).toEqual(at);
      }),
    );
  });

  it("counts only for its purpose, company, person and installation", () => {
    const owner = fc.record({ company: name, actor: name, purpose: fc.constantFrom("feed", "list"), secret: name });
    fc.assert(
      fc.property(owner, owner, (mine, theirs) => {
        const ctx = (one: typeof mine) => ctxOf(one.company, one.actor, one.secret.repeat(32));
        const found = findCursorPosition(ctx(theirs), theirs.purpose, encodeCursor(ctx(mine), mine.purpose, "7"));
        expect(found).toBe(JSON.stringify(mine) === JSON.stringify(theirs) ? "7" : null);
      }),
    );
  });

  it("is refused when a part of it was changed", () => {
    const ctx = ctxOf("a", "b");
    const cursor = encodeCursor(ctx, "feed", { xid: "1234" });
    const anyPlace = fc.nat({ max: cursor.length - 1 });
    const property = fc.property(anyPlace, fc.constantFrom("A", "z", "0", ".", ""), (place, letter) => {
      const changed = cursor.slice(0, place) + letter + cursor.slice(place + 1);
      return changed === cursor || findCursorPosition(ctx, "feed", changed) === null;
    });
    expect(fc.check(property).failed).toBe(false);
  });
});
