// Makes a failing plan smaller as long as it fails in the same way: fewer faults, actions, devices and processes.
import type { Plan } from "./plan.ts";

/** `fails` tells whether a plan still breaks the same promise. At most `tries` plans are tried. */
export function shrink(plan: Plan, fails: (plan: Plan) => boolean, tries = 500): Plan {
  let smallest = plan;
  let left = tries;
  const attempt = (smaller: Plan): boolean => {
    if (left <= 0 || !isPlayable(smaller)) return false;
    left--;
    if (!fails(smaller)) return false;
    smallest = smaller;
    return true;
  };

  /** Leaves out halves, quarters, … and single ones of a list. */
  function thinOut<K extends "faults" | "actions" | "devices">(key: K): void {
    for (let size = Math.ceil(smallest[key].length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let start = 0; start < smallest[key].length;) {
        const rest = [...smallest[key].slice(0, start), ...smallest[key].slice(start + size)];
        if (!attempt(without(smallest, key, rest))) start += size;
      }
    }
  }

  for (let before: Plan | null = null; before !== smallest && left > 0;) {
    before = smallest;
    thinOut("faults");
    thinOut("devices");
    thinOut("actions");
    for (let processes = 1; processes < smallest.processes; processes++) if (attempt({ ...smallest, processes })) break;
    for (const [place, action] of smallest.actions.entries()) {
      if (!("count" in action) || action.count === 1) continue;
      attempt({ ...smallest, actions: smallest.actions.with(place, { ...action, count: 1 }) });
    }
  }
  return smallest;
}

/** What belongs to a device goes with it. */
function without<K extends "faults" | "actions" | "devices">(plan: Plan, key: K, rest: unknown[]): Plan {
  const smaller = { ...plan, [key]: rest } as Plan;
  const names = new Set(smaller.devices.map(({ name }) => name));
  return {
    ...smaller,
    actions: smaller.actions.filter(({ device }) => names.has(device)),
    faults: smaller.faults.filter((fault) => !("device" in fault) || names.has(fault.device)),
  };
}

/** Faults name processes by their place. */
const isPlayable = ({ devices, faults, processes }: Plan) =>
  devices.length > 0 && faults.every((fault) => !("process" in fault) || fault.process < processes);
