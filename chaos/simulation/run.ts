// `npm run simulate -- [--seed N] [--seeds N] [--from N]`: the sync engine and the sessions of the gateway under a seeded
// scheduler, thousands of times. One seed is told step by step.
import { parseArgs } from "node:util";
import { invariants } from "../invariants.ts";
import { makePlan } from "./plan.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
  },
});

if (values.seed !== undefined) {
  const plan = makePlan(Number(values.seed));
  console.log(JSON.stringify({ ...plan, actions: plan.actions.length, faults: plan.faults.length }));
  const verdict = simulate(plan, { trace: (line) => console.log(line) });
  console.log(JSON.stringify(verdict, null, 1));
  if (verdict.violation) console.log(invariants[verdict.violation.invariant]);
} else {
  const began = performance.now();
  let failed = 0;
  const total = { steps: 0, messages: 0 };
  const count = Number(values.seeds);
  for (let seed = Number(values.from); seed < Number(values.from) + count; seed++) {
    const verdict = simulate(makePlan(seed));
    total.steps += verdict.steps;
    if (verdict.steps > 30000) console.log("LONG", seed, verdict.steps);
    total.messages += verdict.messages;
    if (verdict.violation === null) continue;
    failed++;
    console.log(`seed ${seed}: ${verdict.violation.invariant} ${verdict.violation.message}`);
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${failed} of ${count} failed; ${total.steps} steps, ${total.messages} messages, ${seconds.toFixed(1)} s`,
  );
}
