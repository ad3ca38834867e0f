import type { Scenario } from "./scenario.ts";
import {
  killAfterCommit,
  killBeforeCommit,
  killBeforeHint,
  killPostgres,
  killServer,
  stopPostgres,
} from "./scenarios/crashes.ts";
import { fullDisk, lockedRow, longTransaction, noConnections, slowDatabase } from "./scenarios/database.ts";
import { flood, herd, slowClients } from "./scenarios/load.ts";
import { dropped, halfOpen, oneWay } from "./scenarios/network.ts";
import { revoked, wrongClocks } from "./scenarios/people.ts";
import { random } from "./scenarios/random.ts";

export const scenarios: readonly Scenario[] = [
  killServer,
  killAfterCommit,
  killBeforeCommit,
  killBeforeHint,
  killPostgres,
  stopPostgres,
  slowDatabase,
  lockedRow,
  longTransaction,
  noConnections,
  oneWay,
  halfOpen,
  herd,
  slowClients,
  flood,
  fullDisk,
  wrongClocks,
  revoked,
  dropped,
  random,
];
