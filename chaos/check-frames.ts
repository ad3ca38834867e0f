// I10 and I14: what may not be told.
import type { Violation } from "./invariants.ts";
import type { Dump } from "./dump.ts";
import type { Entry } from "./history.ts";

const staffOnlyKinds = new Set(["conversation.assigned"]);

export function checkFrames(entries: readonly Entry[], dump: Dump): Violation[] {
  const violations: Violation[] = [];
  const fail = (invariant: string, message: string, evidence: unknown) =>
    void violations.push({ invariant, message, evidence });
  const conversations = new Map(dump.conversations.map((one) => [one.c, one]));
  const events = new Map(dump.events.map((event) => [`${event.c} ${event.seq}`, event]));
  const publicEvents = new Map(
    dump.events.filter((event) => event.isPublic).map((event) => [`${event.c} ${event.publicSeq}`, event]),
  );
  const clients = new Map<string, Extract<Entry, { op: "start" }>>();
  const lettersOf = companyLetters(entries, dump);
  const sent = new Map<string, Entry>();
  let downSince: number | null = null;

  for (const entry of entries) {
    switch (entry.op) {
      case "start":
        clients.set(entry.client, entry);
        break;
      case "database":
        downSince = entry.up ? null : entry.ts;
        break;
      case "send":
        sent.set(entry.cid, entry);
        break;
      case "ok": {
        // What was on its way when the database died may still arrive; what was sent later may not.
        const source = sent.get(entry.cid);
        if (downSince !== null && source !== undefined && source.ts >= downSince) {
          fail("I14", `${entry.client} was told "sent" while the database was down`, { source, entry });
        }
        break;
      }
      case "frame":
        checkFrame(entry);
        break;
      default:
    }
  }
  return violations;

  function checkFrame(frame: Extract<Entry, { op: "frame" }>): void {
    const client = clients.get(frame.client);
    if (client === undefined) return;
    const who = `${frame.client} (company ${client.company})`;
    for (const mark of frame.marks) {
      const [letter, kind] = mark.split("|");
      if (letter !== client.company) fail("I10", `${who} received a text of company ${letter}`, frame);
      if (kind === "note" && client.side === "contact") fail("I10", `${who} received an internal note`, frame);
    }
    if (client.side === "contact" && frame.kind !== null && staffOnlyKinds.has(frame.kind)) {
      fail("I10", `${who} received ${frame.kind}`, frame);
    }
    const conversation = conversations.get(frame.c);
    if (conversation === undefined) return fail("I10", `${who} received a frame of an unknown conversation`, frame);
    const letter = lettersOf.get(conversation.company);
    if (letter !== undefined && letter !== client.company)
      fail("I10", `${who} received a frame of ${frame.c} of company ${letter}`, frame);
    if (client.side === "contact" && conversation.contact !== client.person) {
      fail("I10", `${who} received a frame of somebody else's conversation`, frame);
    }
    if (frame.type !== "event" || frame.seq === null) return;
    const event = (client.side === "business" ? events : publicEvents).get(`${frame.c} ${frame.seq}`);
    if (event?.type !== frame.kind) fail("I10", `${who} received an event that is not in its lane`, { frame, event });
  }
}

/** Company id → letter, by the customers whose conversations they are. */
function companyLetters(entries: readonly Entry[], dump: Dump): Map<string, string> {
  const letterOfPerson = new Map(
    entries.flatMap((entry) =>
      entry.op === "start" && entry.side === "contact" ? [[entry.person, entry.company]] : [],
    ),
  );
  const letters = new Map<string, string>();
  for (const { company, contact } of dump.conversations) {
    const letter = letterOfPerson.get(contact);
    if (letter !== undefined) letters.set(company, letter);
  }
  return letters;
}
