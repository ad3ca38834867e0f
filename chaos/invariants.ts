export type Violation = {
  /** "I1" to "I15", or "PR5": nothing is dropped silently. */
  invariant: string;
  message: string;
  /** The fewest facts that show it. */
  evidence: unknown;
};

/** What each invariant says, and what of it cannot be checked yet. */
export const invariants: Record<string, string> = {
  I1: "every message that was acknowledged is in the database",
  I2: "every message that is shown was sent by somebody",
  I3: "no message is shown twice on a device",
  I4: "both lanes are 1 to head, without a hole and without a double",
  I5: "what a device shows is in the order of its lane",
  I6: "messages of one device are in the order in which it sent them",
  I7: "a message sent after another was acknowledged comes after it",
  I8: "every device ends with exactly what the database holds for it",
  I9: "read marks never go back and end up the same everywhere",
  I10: "no device receives anything of another company, conversation or lane",
  I11: "memory, open files and database connections stay below their caps",
  I12: "every consumer has read the whole log; what it gave up on is listed; no job is stuck",
  I13: "inbound provider events have one effect (there is no inbox yet: nothing to check)",
  I14: "nothing is acknowledged while the database is down",
  I15: "the service is usable again within the stated time, and no server ends by itself",
  PR5: "every message that was sent is stored, or is shown as waiting or as not sent",
};
