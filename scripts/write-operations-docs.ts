// Writes the table of docs/operations.md that follows from the metrics. `node scripts/run.mjs scripts/write-operations-docs.ts`
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createMetrics } from "../apps/server/src/kernel/metrics.ts";
import { table, withTables } from "./docs-tables.ts";

export const operationsDocs = join(import.meta.dirname, "../docs/operations.md");

/** The text with its table of figures as it should be now. */
export async function withCurrentFigures(text: string): Promise<string> {
  const metrics = createMetrics({ ofProcess: false }).registry.getMetricsAsArray();
  const rows = metrics.map(async (metric) => {
    const { labelNames } = metric as unknown as { labelNames: string[] };
    const { type, help } = await (metric as unknown as { get(): Promise<{ type: string; help: string }> }).get();
    const labels = labelNames.length > 0 ? `{${labelNames.join(", ")}}` : "";
    return [`\`${metric.name}${labels}\``, type, help];
  });
  return withTables(text, { figures: table(["figure", "kind", "meaning"], await Promise.all(rows)) });
}

if (import.meta.main) writeFileSync(operationsDocs, await withCurrentFigures(readFileSync(operationsDocs, "utf8")));
