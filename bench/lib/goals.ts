import goals from "../goals.json" with { type: "json" };
import { medianOf, type Metric, type Results } from "./sides.ts";

export type Goal = {
  id: string;
  what: string;
  /** Sides by name; of several the first that was measured. Without `under` the figure stands for itself. */
  over?: string[];
  under?: string[];
  metric?: Metric;
  better?: "higher" | "lower";
  goal?: number;
  moonshot?: number;
  suites?: string[];
  /** Why there is nothing to measure. */
  missing?: string;
};

export type Judged = Goal & {
  /** Null when a side was not measured. */
  value: number | null;
  meetsGoal: boolean | null;
  meetsMoonshot: boolean | null;
};

/** The goals that these suites measure, each with its ratio from the medians of both sides. */
export function judgeGoals(results: Results, suites: ReadonlySet<string>): Judged[] {
  const asked = (goals as Goal[]).filter((goal) => (goal.suites ?? []).every((suite) => suites.has(suite)));
  return asked.map((goal) => {
    const value = ratioOf(results, goal);
    const meets = (bound: number | undefined) =>
      value === null || bound === undefined ? null : goal.better === "higher" ? value >= bound : value <= bound;
    return { ...goal, value, meetsGoal: meets(goal.goal), meetsMoonshot: meets(goal.moonshot) };
  });
}

function ratioOf(results: Results, { over, under, metric }: Goal): number | null {
  if (!over || !metric) return null;
  const first = (names: string[]) =>
    names.map((name) => medianOf(results, name, metric)).find((value) => value !== null) ?? null;
  const top = first(over);
  if (!under || top === null) return top;
  const bottom = first(under);
  return bottom === null ? null : top / bottom;
}
