// Where the time of a CPU profile went: by function, without what it called.
import { readFileSync } from "node:fs";

type Profile = {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
};

export type SelfTime = { name: string; place: string; percent: number };

/** Functions by self time, as parts of the time in which the process was not idle. */
export function summariseProfile(file: string): SelfTime[] {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8")) as Profile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map<string, SelfTime>();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const { functionName, url, lineNumber } = frames.get(id)!;
    // The profiler's own end is part of the profile.
    if (functionName === "(idle)" || url === "node:inspector") continue;
    const micros = timeDeltas[index] ?? 0;
    busy += micros;
    const place = url === "" ? "" : `${url.replace(/^.*\/(node_modules|apps|packages)\//, "$1/")}:${lineNumber + 1}`;
    const key = `${functionName} ${place}`;
    const entry = times.get(key) ?? { name: functionName || "(anonymous)", place, percent: 0 };
    entry.percent += micros;
    times.set(key, entry);
  }
  return [...times.values()]
    .map((entry) => ({ ...entry, percent: (100 * entry.percent) / busy }))
    .sort((a, b) => b.percent - a.percent);
}
