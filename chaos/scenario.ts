import type { Caps } from "./check-bounds.ts";
import type { Postgres } from "./postgres.ts";
import type { World, WorldOptions } from "./world.ts";

export type Run = {
  world: World;
  /** For faults whose length can be chosen: `--seconds`, or the scenario's own. */
  seconds: number;
  /** How many raw clients a herd has: `--clients`. */
  clients: number;
};

export type Scenario = {
  name: string;
  /** Of the fault matrix. */
  faults: string;
  /** What has to happen, in one sentence. */
  expects: string;
  seconds: number;
  world?: Pick<WorldOptions, "env" | "pause" | "onlySends"> & { customers?: number };
  caps?: (clients: number) => Partial<Caps>;
  /** A database of its own, if the usual one will not do: a reason to skip the scenario, or the database. */
  postgres?: () => Promise<{ postgres: Postgres; close(): Promise<void> } | { skip: string }>;
  run(run: Run): Promise<void>;
};
