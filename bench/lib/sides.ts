// The sides of ratios, and how they are measured in turns.
import type { Cast } from "../people.ts";
import { measureQuietly } from "./gate.ts";
import { median } from "./hist.ts";
import type { Load, LoadResult, Time } from "./load.ts";
import { type Cores, coresBetween, type Parties, type Snapshot, takeSnapshot } from "./proc.ts";
import { withClient } from "./cluster.ts";
import { judge, readStored, type Verdict } from "./verify.ts";

/** rate and perCore in one a second, p50 and p99 in ms, kb of memory for a connection, ms of a start, faults of a crash test. */
export type Metric = "rate" | "perCore" | "p50" | "p99" | "kb" | "ms" | "faults";
export type Sample = {
  values: Partial<Record<Metric, number>>;
  cores: Cores;
  isClientBound: boolean;
  problems: string[];
};
export type Side = {
  name: string;
  unit: string;
  measure(time: Time): Promise<Sample>;
  /** Ends what the bench does not end by itself. */
  close?(): Promise<void>;
};
export type Measured = { name: string; unit: string; samples: (Sample & { repeats: number; isNoisy: boolean })[] };
export type Results = Map<string, Measured>;

/** A client that is busier than this may be what was measured. */
const clientBoundCores = 0.9;
export const isClientBound = (cores: Cores): boolean => cores.client > clientBoundCores;
const p99Samples = 2_000;

export type Plan = { repetitions: number; warmMs: number; ms: number; budget: { repeats: number } };

/**
 * Measures the sides in turns, A B A B. The warm-up is longer in the first turn, when nothing is compiled yet; later ones
 * only bring the load up.
 */
export async function measureInTurns(sides: readonly Side[], plan: Plan, results: Results): Promise<void> {
  for (let turn = 0; turn < plan.repetitions; turn++) {
    const warmMs = turn === 0 ? plan.warmMs : plan.warmMs / 3;
    for (const side of sides) {
      const sample = await measureQuietly(plan.budget, () => side.measure({ warmMs, ms: plan.ms }));
      addSample(results, side, sample);
      process.stdout.write(".");
    }
  }
  process.stdout.write("\n");
}

export function addSample(
  results: Results,
  side: Pick<Side, "name" | "unit">,
  sample: Sample & { repeats?: number; isNoisy?: boolean },
): void {
  const measured = results.get(side.name) ?? { name: side.name, unit: side.unit, samples: [] };
  measured.samples.push({ repeats: 0, isNoisy: false, ...sample });
  results.set(side.name, measured);
}

export function medianOf(results: Results, name: string, metric: Metric): number | null {
  const values = (results.get(name)?.samples ?? []).flatMap((sample) => sample.values[metric] ?? []);
  return values.length === 0 ? null : median(values);
}

/** A measurement by the load generator; `rate` null is the closed loop. Confirmed messages are noted in the cast. */
export function loadSide(options: {
  name: string;
  load: Load;
  parties: () => Omit<Parties, "client">;
  rate?: number | (() => number);
  cast?: Cast;
}): Side {
  const { name, load, parties, cast } = options;
  return {
    name,
    unit: "messages/s",
    async measure(time) {
      const window = openWindow();
      const rate = typeof options.rate === "function" ? options.rate() : options.rate;
      const result =
        rate === undefined ? await load.closed(time, window.marks) : await load.open(rate, time, window.marks);
      const cores = window.cores({ ...parties(), client: load.pid });
      if (cast) noteConfirmed(cast, result);
      const problems = [...result.errors];
      if (result.broken) problems.push("a connection broke");
      if (result.unfinished > 0) problems.push(`${result.unfinished} messages did not arrive`);
      if (result.gaps > 0) problems.push(`${result.gaps} events came out of order`);
      const perSecond = result.messages / result.seconds;
      const isEnough = result.latency.count >= p99Samples;
      return {
        values: {
          rate: perSecond,
          perCore: perSecond / (cores.server + cores.database),
          p50: result.latency.p50,
          ...(isEnough && { p99: result.latency.p99 }),
        },
        cores,
        isClientBound: isClientBound(cores),
        problems,
      };
    },
  };
}

export function noteConfirmed(cast: Cast, result: LoadResult): void {
  cast.confirmed = result.confirmed;
}

/** Takes the snapshots at the borders of the measured time. */
export function openWindow() {
  let before: Snapshot | null = null;
  let after: Snapshot | null = null;
  return {
    marks: {
      measuring: () => void (before = takeSnapshot()),
      measured: () => void (after = takeSnapshot()),
    },
    cores: (parties: Parties): Cores => coresBetween(before!, after!, parties),
  };
}

/** Compares what the clients were told with what the database holds. */
export async function verifyCast(cast: Cast): Promise<Verdict> {
  const expected = new Map(
    cast.conversations.map(({ id }, index) => [id as string, cast.messages.get(id)! + (cast.confirmed[index] ?? 0)]),
  );
  const stored = await withClient(cast.product.cluster.url, (client) => readStored(client, [...expected.keys()]));
  return judge(expected, stored);
}
