import type { Author } from "@presszero/contracts";
import { expect, it } from "vitest";
import { createRoll, enter, isAnybodyAt, leave, listPeople, tick } from "./roll.ts";

const lena: Author = { type: "agent", id: "agt_1", name: "Lena" };
const jonas: Author = { type: "agent", id: "agt_2", name: "Jonas" };

it("a person is there as long as one source says so", () => {
  const roll = createRoll(0);
  expect(enter(roll, "here", lena, "a", 100)).toBe(true);
  expect(enter(roll, "here", lena, "b", 100)).toBe(false);
  expect(enter(roll, "here", jonas, "a", 100)).toBe(true);
  expect(leave(roll, "here", lena.id, "a", 1)).toBe(false);
  expect(leave(roll, "here", lena.id, "a", 1)).toBe(false);
  expect(listPeople(roll, "here")).toEqual([lena, jonas]);
  expect(leave(roll, "here", lena.id, "b", 1)).toBe(true);
  expect(leave(roll, "there", lena.id, "b", 1)).toBe(false);
  expect(listPeople(roll, "here")).toEqual([jonas]);
  expect(leave(roll, "here", jonas.id, "a", 1)).toBe(true);
  expect(isAnybodyAt(roll, "here")).toBe(false);
  expect(roll.places.size).toBe(0);
});

it("whoever comes back within the grace was never away", () => {
  const roll = createRoll(5_000);
  enter(roll, "here", lena, "a", Infinity);
  expect(leave(roll, "here", lena.id, "a", 1_000)).toBe(false);
  expect([...tick(roll, 5_999)]).toEqual([]);
  expect(enter(roll, "here", lena, "b", Infinity)).toBe(false);
  expect([...tick(roll, 60_000)]).toEqual([]);
  leave(roll, "here", lena.id, "b", 60_000);
  expect(isAnybodyAt(roll, "here")).toBe(true);
  expect([...tick(roll, 65_000)]).toEqual(["here"]);
  expect(isAnybodyAt(roll, "here")).toBe(false);
});

it("what a killed process said is forgotten, what is renewed stays", () => {
  const roll = createRoll(5_000);
  enter(roll, "one", lena, "killed", 25_000);
  enter(roll, "two", jonas, "alive", 25_000);
  for (let now = 2_000; now <= 40_000; now += 2_000) {
    if (now % 10_000 === 0) enter(roll, "two", jonas, "alive", now + 25_000);
    tick(roll, now);
  }
  expect(isAnybodyAt(roll, "one")).toBe(false);
  expect(isAnybodyAt(roll, "two")).toBe(true);
});
