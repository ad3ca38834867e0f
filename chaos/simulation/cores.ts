// The parts of the product that the simulation runs as they are. A mutant is the same with one of them broken on purpose.
import { initialEngine, step as stepEngine } from "@presszero/sdk";
import {
  createGroup,
  failed,
  filled,
  heardOf,
  offer,
  retry,
  settle,
} from "../../apps/server/src/modules/gateway/group.ts";
import { createSession, step } from "../../apps/server/src/modules/gateway/session.ts";
import { planMessages } from "./commit-rule.ts";
import { findHead, listChanges } from "./reads.ts";
import { mergedMark } from "./tables.ts";

export const realCores = {
  initialEngine,
  stepEngine,
  createSession,
  stepSession: step,
  createGroup,
  offer,
  heardOf,
  settle,
  filled,
  failed,
  retry,
  // What the database does for them.
  planMessages,
  mergedMark,
  findHead,
  listChanges,
  /** Where the readers of the log stop: behind the last transaction that has ended with all before it. */
  readUpTo: (horizon: number, _next: number) => horizon,
  /** Up to where a feed frame says that everything was told. */
  feedCursor: (told: string, _swept: string) => told,
};

export type Cores = typeof realCores;
