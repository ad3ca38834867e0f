// A failure as people can read it: the promise, the seed, the smallest plan that breaks it, and what happened then.
import { invariants } from "../invariants.ts";
import type { Cores } from "./cores.ts";
import type { Plan } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { simulate, type Verdict } from "./simulate.ts";

const longestLine = 220;
const mostLines = 80;

/** The lines of the history, without what keeps connections alive. */
export function readHistory(plan: Plan, cores?: Partial<Cores>): { verdict: Verdict; lines: string[] } {
  const lines: string[] = [];
  const trace = (line: string) => {
    if (!/"type":"p[io]ng"/.test(line)) lines.push(line.length > longestLine ? `${line.slice(0, longestLine)}…` : line);
  };
  return { verdict: simulate(plan, { cores, trace }), lines };
}

export function explain(plan: Plan, verdict: Verdict, cores?: Partial<Cores>): string {
  const { invariant } = verdict.violation!;
  const small = shrink(plan, (smaller) => simulate(smaller, { cores }).violation?.invariant === invariant);
  const { verdict: again, lines } = readHistory(small, cores);
  const { actions, faults, devices, processes } = small;
  return [
    `seed ${plan.seed}: ${invariant} (${invariants[invariant]})`,
    `  ${again.violation!.message}`,
    `  ${JSON.stringify(again.violation!.evidence)?.slice(0, 1_000)}`,
    `  the smallest plan: ${processes} processes, ${devices.map(({ name }) => name).join(", ")}`,
    ...faults.map((fault) => `    ${JSON.stringify(fault)}`),
    ...actions.map((action) => `    ${JSON.stringify(action)}`),
    `  the end of its history${lines.length > mostLines ? ` (${lines.length} lines)` : ""}:`,
    ...lines.slice(-mostLines).map((line) => `  ${line}`),
    `  all of it, before it was made smaller: npm run simulate -- --seed ${plan.seed}`,
  ].join("\n");
}
