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
import { listChanges } from "./reads.ts";

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
  listChanges,
};

export type Cores = typeof realCores;
