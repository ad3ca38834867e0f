import { median } from "./hist.ts";
import type { Judged } from "./goals.ts";
import type { Measured, Metric, Results } from "./sides.ts";

const short: Intl.NumberFormat = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, useGrouping: true });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const figure = (value: number) => (value >= 100 ? whole : short).format(value);

export function printMeasurements(results: Results): void {
  const header = [
    "",
    "median",
    "min – max",
    "unit",
    "p50 ms",
    "p99 ms",
    "server",
    "database",
    "client",
    "other",
    "notes",
  ];
  const rows = [...results.values()].map(measurementRow);
  printTable([header, ...rows]);
}

function measurementRow(measured: Measured): string[] {
  const main =
    (["rate", "kb", "ms", "faults"] as const).find((metric) => valuesOf(measured, metric).length > 0) ?? "rate";
  const values = valuesOf(measured, main);
  const middle = (metric: Metric) => {
    const found = valuesOf(measured, metric);
    return found.length === 0 ? "" : figure(median(found));
  };
  const cores = (party: "server" | "database" | "client" | "other") =>
    main === "rate" ? median(measured.samples.map((sample) => sample.cores[party])).toFixed(2) : "";
  return [
    measured.name,
    figure(median(values)),
    values.length > 1 ? `${figure(Math.min(...values))} – ${figure(Math.max(...values))}` : "",
    measured.unit,
    middle("p50"),
    middle("p99"),
    cores("server"),
    cores("database"),
    cores("client"),
    cores("other"),
    notesOf(measured),
  ];
}

function valuesOf(measured: Measured, metric: Metric): number[] {
  return measured.samples.flatMap((sample) => sample.values[metric] ?? []);
}

function notesOf({ samples }: Measured): string {
  const count = (isSo: (sample: Measured["samples"][number]) => boolean) => samples.filter(isSo).length;
  const clientBound = count((sample) => sample.isClientBound);
  const noisy = count((sample) => sample.isNoisy);
  const repeats = samples.reduce((sum, sample) => sum + sample.repeats, 0);
  const isVoid = samples.some((sample) => sample.problems.length > 0);
  return [
    isVoid && "VOID",
    clientBound > 0 && `client-bound ${clientBound}/${samples.length}`,
    noisy > 0 && `noisy ${noisy}/${samples.length}`,
    repeats > 0 && `repeated ${repeats}`,
  ]
    .filter(Boolean)
    .join(", ");
}

export function printGoals(judged: readonly Judged[]): void {
  const mark = (meets: boolean | null) => (meets === null ? "" : meets ? "met" : "MISSED");
  const bound = (value: number | undefined, better: Judged["better"]) =>
    value === undefined ? "" : `${better === "higher" ? "≥" : "≤"} ${value}`;
  const rows = judged.map((goal) => [
    goal.id,
    goal.value === null ? (goal.missing ?? "not measured") : figure(goal.value),
    bound(goal.goal, goal.better),
    mark(goal.meetsGoal),
    bound(goal.moonshot, goal.better),
    mark(goal.meetsMoonshot),
    goal.what,
  ]);
  printTable([["", "ratio", "goal", "", "moonshot", "", ""], ...rows]);
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    console.log(`  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd());
  }
  console.log("");
}
