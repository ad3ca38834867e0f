import { expect, test } from "vitest";
import { rules } from "../packages/contracts/src/protocol/rules.ts";
import { namedRules, provenRules, ruleIdsIn, titlesOf } from "./protocol-rules.ts";

test("every rule of the protocol has a test", () => {
  const proven = new Set(provenRules().map(({ id }) => id));
  expect(Object.keys(rules).filter((id) => !proven.has(id))).toEqual([]);
});

test("tests, sources and documents name rules that exist", () => {
  const named = [...provenRules(), ...namedRules()];
  expect(named.filter(({ id }) => !(id in rules))).toEqual([]);
});

test("titles are found wherever a test can have one, and nothing else is a title", () => {
  const source = `
    describe("PR1", () => {
      it("does SR1", () => expect("SR2").toBe("SR3"));
      test.each([["SR4"], ["SR5"]] as const)(
        "%s does CR1", () => {});
      it.each(list.map((one) => [one.title(), one]))("%s CR2", run);
      test.skipIf(process.env.CI)(\`CR3 \${name}\`, () => {});
      // it("CR4")
      submit("CR5");
    });`;
  expect(titlesOf(source).flatMap(ruleIdsIn)).toEqual(["PR1", "SR1", "CR1", "CR2", "CR3"]);
  expect(ruleIdsIn("[SR4, PR10]: RS256 and PR1a are none")).toEqual(["SR4", "PR10"]);
});
