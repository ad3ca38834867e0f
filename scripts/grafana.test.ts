// What stands in deploy/grafana asks for figures that there are, and is in the shape that Grafana and Prometheus read.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { createMetrics } from "../apps/server/src/kernel/metrics.ts";

const root = join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

type Target = { refId: string; expr: string; datasource: { type: string; uid: string } };
type Panel = {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { type: string; uid: string };
  fieldConfig?: { defaults: { unit: string } };
  targets?: Target[];
};
type Dashboard = {
  uid: string;
  title: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: unknown }[] };
  time: { from: string; to: string };
};
type Rule = {
  record?: string;
  alert?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
};

const dashboard = JSON.parse(read("deploy/grafana/presszero.json")) as Dashboard;
const { groups } = parse(read("deploy/grafana/alerts.yml")) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const recorded = rules.flatMap((rule) => rule.record ?? []);

/** Every series that a process of ours answers, with its labels. */
const series = new Map<string, string[]>();
for (const metric of createMetrics({ ofProcess: false }).registry.getMetricsAsArray()) {
  const { name, labelNames } = metric as unknown as { name: string; labelNames: string[] };
  if (!("buckets" in metric)) {
    series.set(name, labelNames);
    continue;
  }
  series.set(`${name}_bucket`, [...labelNames, "le"]);
  for (const suffix of ["count", "sum"]) series.set(`${name}_${suffix}`, labelNames);
}
/** Labels that Prometheus adds. */
const ofPrometheus = ["job", "instance"];

/** The names of series in an expression, with the labels that it selects by. */
function listUses(expr: string): { name: string; labels: string[] }[] {
  return [...expr.matchAll(/(presszero[\w:]*)(?:\{([^}]*)\})?/g)].map(([, name, selectors = ""]) => ({
    name: name!,
    labels: [...selectors.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1]!),
  }));
}

const expressions = [
  ...dashboard.panels.flatMap((panel) => (panel.targets ?? []).map((target) => [panel.title, target.expr] as const)),
  ...rules.map((rule) => [rule.alert ?? rule.record!, rule.expr] as const),
];

test.each(expressions)("%s asks for figures that there are, by labels that they have", (_title, expr) => {
  const uses = listUses(expr);
  expect(uses.length).toBeGreaterThan(0);
  for (const { name, labels } of uses) {
    if (recorded.includes(name)) continue;
    expect([...series.keys()]).toContain(name);
    for (const label of labels) expect([...series.get(name)!, ...ofPrometheus], name).toContain(label);
  }
  for (const [, labels] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
    const known = uses.flatMap(({ name }) => series.get(name) ?? []).concat(ofPrometheus);
    for (const label of labels!.split(",")) expect(known).toContain(label.trim());
  }
});

describe("the dashboard", () => {
  test("has what Grafana asks of one, and its data source is a variable", () => {
    expect(dashboard).toMatchObject({ uid: "presszero", title: "Press Zero" });
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
    expect(dashboard).not.toHaveProperty("id");
    const [source, job] = dashboard.templating.list;
    expect(source).toMatchObject({ name: "datasource", type: "datasource", query: "prometheus" });
    expect(job).toMatchObject({ name: "job", type: "query" });
    const isFromVariable = { type: "prometheus", uid: "${datasource}" };
    for (const panel of dashboard.panels.filter(({ type }) => type !== "row")) {
      expect(panel.datasource, panel.title).toEqual(isFromVariable);
      expect(panel.targets!.length, panel.title).toBeGreaterThan(0);
      expect(panel.fieldConfig!.defaults.unit, panel.title).toMatch(/\w/);
      for (const target of panel.targets!) expect(target.datasource, panel.title).toEqual(isFromVariable);
      const refs = panel.targets!.map(({ refId }) => refId);
      expect(new Set(refs).size, panel.title).toBe(refs.length);
    }
  });

  test("has panels with ids and titles of their own, in the grid and beside each other", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x} ${y}`), title).toBeUndefined();
          taken.set(`${x} ${y}`, title);
        }
      }
    }
  });
});

describe("the alerts", () => {
  const alerts = rules.filter((rule) => rule.alert !== undefined);

  test("have names of their own, a severity that somebody acts upon, and a sentence", () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, labels, annotations } of alerts) {
      expect(alert).toMatch(/^PressZero[A-Z]\w+$/);
      expect(["page", "ticket"], alert).toContain(labels?.severity);
      expect(annotations?.summary?.replace(/\{\{.*?\}\}/g, ""), alert).toMatch(/[a-z]{2,}/);
    }
  });

  test("watch the budget by two windows each, and every promise", () => {
    const burns = alerts.filter(({ alert }) => alert!.includes("BudgetBurns")).map(({ expr }) => expr);
    for (const [at, [rate, long]] of [
      [0, ["14.4", "[1h]"]],
      [1, ["6 ", "[6h]"]],
      [2, ["1 ", "[3d]"]],
    ] as const) {
      expect(burns[at]).toContain(`> ${rate}`);
      expect(burns[at]).toContain(long);
      expect(burns[at]).toContain("and ");
    }
    const watched = alerts.map(({ expr }) => expr).join("\n");
    for (const name of [
      "presszero_lane_hole_total",
      "presszero_rls_context_missing_total",
      "presszero_gap_total",
      "presszero_xid_horizon_age_seconds",
      "presszero_dead_letters",
      "presszero_ready",
    ]) {
      expect(watched).toContain(name);
    }
  });

  test("are all explained in docs/operations.md", () => {
    const docs = read("docs/operations.md");
    for (const { alert } of alerts) expect(docs).toContain(`\`${alert!.slice("PressZero".length)}\``);
  });
});
