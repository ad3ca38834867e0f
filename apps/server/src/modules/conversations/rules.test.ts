import type { OutgoingMessage } from "@presszero/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bodyHash, type Marks, messageStatus, type Side } from "./rules.ts";

const seq = fc.nat({ max: 30 });
const marks: fc.Arbitrary<Marks> = fc.record({ myRead: seq, otherDelivered: seq, otherRead: seq });
const side = fc.constantFrom<Side>("business", "contact");
const placed = fc.record({
  seq: fc.integer({ min: 1, max: 30 }),
  kind: fc.constantFrom("text" as const, "note" as const, "form" as const, "answer" as const),
  createdBy: fc.constantFrom("user" as const, "system" as const),
});
const ranks = ["sent", "delivered", "read"];

describe("the status of a message", () => {
  it("never goes back while marks grow", () => {
    fc.assert(
      fc.property(placed, side, marks, marks, (message, reader, before, more) => {
        const after: Marks = {
          myRead: before.myRead + more.myRead,
          otherDelivered: before.otherDelivered + more.otherDelivered,
          otherRead: before.otherRead + more.otherRead,
        };
        const rank = (at: Marks) => ranks.indexOf(messageStatus(message, reader, at));
        expect(rank(after)).toBeGreaterThanOrEqual(rank(before));
      }),
    );
  });

  it("claims no more than the marks of the side it is meant for say", () => {
    fc.assert(
      fc.property(placed, side, marks, (message, reader, at) => {
        const status = messageStatus(message, reader, at);
        if (message.kind === "note") {
          expect(status).toBe("sent");
          return;
        }
        const isOwn = (message.createdBy === "user") === (reader === "contact");
        const readUpTo = isOwn ? at.otherRead : at.myRead;
        expect(status === "read").toBe(message.seq <= readUpTo);
        // Whoever sees a message of the other side has received it.
        if (isOwn && status === "delivered") expect(message.seq).toBeLessThanOrEqual(at.otherDelivered);
        if (!isOwn) expect(status).not.toBe("sent");
      }),
    );
  });

  it("is of both sides the same once each knows the other's marks", () => {
    fc.assert(
      fc.property(placed, seq, (message, read) => {
        const own = message.createdBy === "user" ? "contact" : "business";
        const other = own === "contact" ? "business" : "contact";
        const told = messageStatus(message, own, { myRead: 0, otherDelivered: 30, otherRead: read });
        const seen = messageStatus(message, other, { myRead: read, otherDelivered: 0, otherRead: 0 });
        expect(told).toBe(seen);
      }),
    );
  });
});

describe("the hash of a body", () => {
  const word = fc.constantFrom("a", "b", '","', "[]", "null", "a\u0301");
  const reply = fc.option(fc.constantFrom("msg_1", "msg_2"), { nil: undefined });
  const replies = fc.option(fc.array(word, { minLength: 1, maxLength: 2 }), { nil: undefined });
  const bodies = fc.record({ kind: fc.constantFrom("text", "note"), text: word, replyTo: reply, replies }).map(
    ({ kind, text, replyTo, replies: quick }) =>
      ({
        kind,
        text,
        ...(replyTo && { replyTo }),
        ...(kind === "text" && quick && { content: { type: "quick_replies", replies: quick } }),
      }) as OutgoingMessage,
  );

  it("is the same exactly for the same message", () => {
    fc.assert(
      fc.property(bodies, bodies, (one, other) => {
        expect(bodyHash(one).equals(bodyHash(other))).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 500 },
    );
  });
});
