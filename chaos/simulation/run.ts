// `npm run simulate -- [--seeds N] [--from N]`: many simulations, and each failure made as small as it gets.
// `npm run simulate -- --seed N [--small]`: one of them, told step by step.
import { parseArgs } from "node:util";
import { makePlan } from "./plan.ts";
import { explain, readHistory } from "./report.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    small: { type: "boolean", default: false },
    seeds: { type: "string", default: "2000" },
    from: { type: "string", default: "1" },
  },
});

function whole(name: "seed" | "seeds" | "from"): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number > 0 && number < 2 ** 32) return number;
  console.error(`--${name} must be a whole number from 1 to ${2 ** 32 - 1}.`);
  process.exit(2);
}

process.exitCode = values.seed === undefined ? runMany(whole("from"), whole("seeds")) : runOne(whole("seed"));

function runOne(seed: number): number {
  const plan = makePlan(seed);
  const { verdict, lines } = readHistory(plan);
  const isBroken = verdict.violation !== null;
  if (isBroken && values.small) console.log(explain(plan, verdict));
  else console.log([JSON.stringify(plan, null, 1), ...lines, JSON.stringify(verdict, null, 1)].join("\n"));
  return isBroken ? 1 : 0;
}

function runMany(from: number, count: number): number {
  const began = performance.now();
  let failed = 0;
  let steps = 0;
  for (let seed = from; seed < from + count; seed++) {
    const plan = makePlan(seed);
    const verdict = simulate(plan);
    steps += verdict.steps;
    if (verdict.violation === null) continue;
    // The first few are worth the time to make them small.
    if (failed++ < 3) console.log(explain(plan, verdict));
    else console.log(`seed ${seed}: ${verdict.violation.invariant} ${verdict.violation.message}`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${count} simulations from seed ${from}, ${steps} steps in ${seconds} s: ${failed || "none"} failed.`);
  return failed > 0 ? 1 : 0;
}
