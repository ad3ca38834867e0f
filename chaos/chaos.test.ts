// A fast selection of the real faults for every change: fixed seeds, so a failure can be repeated with what it prints.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Postgres, startPostgres } from "./postgres.ts";
import { runScenario } from "./run-scenario.ts";
import { scenarios } from "./scenarios.ts";

const selection: { name: string; seconds: number; seed: number }[] = [
  { name: "kill-server", seconds: 4, seed: 101 },
  { name: "kill-after-commit", seconds: 4, seed: 102 },
  { name: "kill-before-commit", seconds: 4, seed: 103 },
  { name: "kill-before-hint", seconds: 4, seed: 104 },
  { name: "kill-postgres", seconds: 4, seed: 105 },
  { name: "revoked", seconds: 4, seed: 106 },
];

let postgres: Postgres;
beforeAll(async () => void (postgres = await startPostgres()), 60_000);
afterAll(() => postgres.close());

describe("real faults", () => {
  it.each(selection)(
    "$name (seed $seed): every promise is kept",
    async ({ name, seconds, seed }) => {
      const scenario = scenarios.find((candidate) => candidate.name === name)!;
      const told: string[] = [];
      const say = (text: string) => void told.push(text);
      const verdict = await runScenario(scenario, { seed, seconds, customers: 2, postgres, file: null, say });
      const again = `npm run chaos -- --scenario ${name} --seed ${seed} --seconds ${seconds} --customers 2`;
      expect(verdict, `${again}\n${told.join("\n")}`).toMatchObject({ violations: [], failure: null, skipped: null });
    },
    120_000,
  );
});
