import type { Violation } from "./invariants.ts";
import { usualCaps } from "./check-bounds.ts";
import { createHistory } from "./history.ts";
import type { Postgres } from "./postgres.ts";
import { createRandom } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { createWorld } from "./world.ts";

export type Verdict = {
  violations: Violation[];
  /** Why the scenario itself could not be carried through; null if it was. */
  failure: string | null;
  skipped: string | null;
  entries: number;
  messages: number;
};

export type RunOptions = {
  seed: number;
  seconds?: number;
  customers?: number;
  /** Of a herd. */
  clients?: number;
  postgres: Postgres;
  /** Where the history is written; null keeps it in memory. */
  file: string | null;
  say: (text: string) => void;
};

/** Runs one scenario on a world of its own and checks everything that happened. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Verdict> {
  const { say } = options;
  const own = scenario.postgres ? await scenario.postgres() : null;
  const verdict: Verdict = { violations: [], failure: null, skipped: null, entries: 0, messages: 0 };
  if (own !== null && "skip" in own) return { ...verdict, skipped: own.skip };
  const history = createHistory(options.file);
  const clients = options.clients ?? 1000;
  try {
    const { customers = options.customers ?? 4, ...settings } = scenario.world ?? {};
    const world = await createWorld({
      history,
      random: createRandom(options.seed),
      say,
      customers,
      postgres: own?.postgres ?? options.postgres,
      ...settings,
    });
    try {
      await scenario
        .run({ world, seconds: options.seconds ?? scenario.seconds, clients })
        .catch(async (error: Error) => {
          verdict.failure = error.message;
          await world.heal();
          await world.settle();
        });
      verdict.violations = await world.check({ ...usualCaps, ...scenario.caps?.(clients) });
      verdict.messages = world.traffic.sent();
      const isBad = verdict.violations.length > 0 || verdict.failure !== null;
      for (const node of isBad ? world.cluster.nodes : [])
        say(`  ${node.name} wrote last:\n${node.output().slice(-3000)}`);
    } finally {
      await world.close();
    }
  } finally {
    verdict.entries = history.entries.length;
    await history.close();
    await own?.close();
  }
  return verdict;
}
