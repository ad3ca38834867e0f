import type { Author, MessageTrace } from "@presszero/contracts";
import { expect, test } from "vitest";
import { traceAnswer } from "./trace-answer.ts";

const noor: Author = { type: "contact", id: "con_noor", name: "Noor" };
const lena: Author = { type: "agent", id: "agt_lena", name: "Lena" };
const jonas: Author = { type: "agent", id: "agt_jonas", name: "Jonas" };

const has = (reader: Author, delivered: boolean, read = false) => ({ reader, delivered, read }) as const;
const answer = (author: Author, kind: "text" | "note", ...readers: ReturnType<typeof has>[]) =>
  traceAnswer({ author, kind, readers } as unknown as MessageTrace);

test("a reply is about the customer, whatever colleagues have done with it", () => {
  expect(answer(lena, "text", has(noor, false), has(jonas, true, true))).toEqual({
    kind: "notWithCustomer",
    who: noor,
    count: 1,
  });
  expect(answer(lena, "text", has(noor, true), has(lena, true, true)).kind).toBe("withCustomer");
  expect(answer(lena, "text", has(noor, true, true)).kind).toBe("readByCustomer");
});

test("what a customer writes is about the team, and so is a note", () => {
  expect(answer(noor, "text", has(noor, true, true))).toEqual({ kind: "notWithTeam", who: null, count: 0 });
  expect(answer(noor, "text", has(noor, true), has(lena, true), has(jonas, true))).toMatchObject({
    kind: "withTeam",
    count: 2,
  });
  expect(answer(noor, "text", has(lena, true), has(jonas, true, true))).toEqual({
    kind: "readByTeam",
    who: jonas,
    count: 1,
  });
  expect(answer(lena, "note", has(lena, true, true))).toEqual({ kind: "notWithTeam", who: null, count: 0 });
  expect(answer(lena, "note", has(lena, true, true), has(jonas, true)).kind).toBe("withTeam");
});
