// What the suites of one run share.
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { nextMessage, startChild } from "./lib/child.ts";
import { type Load, startLoad } from "./lib/load.ts";
import type { Plan, Results } from "./lib/sides.ts";
import type { Admin } from "./people.ts";
import type { Product } from "./product.ts";

export type Bench = {
  product: Product;
  admin: Admin;
  isFull: boolean;
  plan: Plan;
  results: Results;
  /** Rounds of the crash suite. */
  crashRounds: number;
  /** Says why something is not measured. */
  skip(reason: string): void;
  newLoad(): Load;
  /** Ends the load generators. */
  stopLoads(): void;
};

export function createBench(given: Pick<Bench, "product" | "admin" | "isFull" | "plan" | "crashRounds">): Bench {
  const loads: Load[] = [];
  return {
    ...given,
    results: new Map(),
    skip: (reason) => console.log(`  left out: ${reason}`),
    newLoad() {
      const load = startLoad();
      loads.push(load);
      return load;
    },
    stopLoads() {
      for (const load of loads.splice(0)) load.stop();
    },
  };
}

export type Floor = { child: ChildProcess; port: number };

/** Starts servers/floor.ts; see there for the kinds. */
export async function startFloor(kind: "echo" | "memory" | "one-tx", databaseUrl?: string): Promise<Floor> {
  const child = startChild(join(import.meta.dirname, "servers/floor.ts"), {
    execArgv: ["--expose-gc", "--import", join(import.meta.dirname, "servers/control.ts")],
    env: { PATH: process.env.PATH, FLOOR: kind, ...(databaseUrl && { DATABASE_URL: databaseUrl }) },
  });
  const { port } = await nextMessage<{ type: "ready"; port: number }>(child, "ready");
  return { child, port };
}
