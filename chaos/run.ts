// `npm run chaos -- [--seed N] [--seconds N] [--clients N] [--customers N] [--scenario NAME|all]`: breaks a running
// Press Zero on purpose and checks that it keeps its promises. Everything happens on this machine's loopback interface.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { invariants } from "./invariants.ts";
import { startPostgres } from "./postgres.ts";
import { runScenario } from "./run-scenario.ts";
import { scenarios } from "./scenarios.ts";

/** No scenario may take longer than this on top of its own length. */
const graceSeconds = 420;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    seconds: { type: "string" },
    clients: { type: "string", default: "1000" },
    customers: { type: "string" },
    scenario: { type: "string", default: "random" },
    list: { type: "boolean", default: false },
  },
});

function count(name: "seed" | "seconds" | "clients" | "customers", most: number): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isInteger(number) && number > 0 && number <= most) return number;
  console.error(`--${name} must be a whole number from 1 to ${most}.`);
  process.exit(2);
}

const seed = count("seed", 2 ** 32 - 1)!;
const seconds = count("seconds", 3600);
const clients = count("clients", 10_000)!;
const customers = count("customers", 50);
const chosen = scenarios.filter(({ name }) => values.scenario === "all" || name === values.scenario);
if (values.list || chosen.length === 0) {
  if (!values.list) console.error(`There is no scenario ${values.scenario}. There are:`);
  for (const { name, faults, expects } of scenarios) console.log(`${name.padEnd(20)} ${faults.padEnd(16)} ${expects}`);
  process.exit(values.list ? 0 : 2);
}

const folder = mkdtempSync(join(tmpdir(), "presszero-chaos-history-"));
const say = (text: string) => console.log(text);
say(`Seed ${seed}. Histories are kept in ${folder}.`);
const postgres = await startPostgres();
let failed = 0;

/** Whatever hangs, everything is stopped: the children end with us. */
async function abort(why: string): Promise<never> {
  console.error(why);
  await postgres.close().catch(() => {});
  process.exit(1);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => void abort(`Stopped by ${signal}.`));
process.on("disconnect", () => void abort("The process that started us is gone."));

for (const scenario of chosen) {
  const { name, faults, expects } = scenario;
  const limit = (seconds ?? scenario.seconds) * 3 + graceSeconds;
  const watchdog = setTimeout(() => void abort(`${name} takes longer than ${limit} s (seed ${seed}).`), limit * 1000);
  say(`\n── ${name} (${faults}): ${expects}`);
  const began = performance.now();
  const file = join(folder, `${name}.jsonl`);
  try {
    const verdict = await runScenario(scenario, { seed, seconds, customers, clients, postgres, file, say });
    const took = ((performance.now() - began) / 1000).toFixed(0);
    if (verdict.skipped !== null) {
      say(`  skipped: ${verdict.skipped}`);
      continue;
    }
    const { violations, failure, entries, messages } = verdict;
    if (failure !== null) say(`  ✗ ${failure}`);
    for (const { invariant, message, evidence } of violations.slice(0, 10)) {
      say(`  ✗ ${invariant} (${invariants[invariant]}): ${message}\n      ${JSON.stringify(evidence).slice(0, 600)}`);
    }
    if (violations.length > 10) say(`  … and ${violations.length - 10} more`);
    const isGood = failure === null && violations.length === 0;
    if (!isGood) failed++;
    const again = `npm run chaos -- --scenario ${name} --seed ${seed}`;
    say(`  ${isGood ? "passed" : `FAILED; again: ${again}`} (${messages} messages, ${entries} entries, ${took} s)`);
  } catch (error) {
    failed++;
    say(`  FAILED before it could be checked: ${(error as Error).stack}`);
  } finally {
    clearTimeout(watchdog);
  }
}

await postgres.close();
say(
  failed === 0
    ? `\nAll promises kept (seed ${seed}).`
    : `\n${failed} of ${chosen.length} scenarios failed (seed ${seed}).`,
);
process.exit(failed === 0 ? 0 : 1);
