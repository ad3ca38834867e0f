// The feed of one server process: gathers which conversations changed and tells each connection of theirs. Follows feed.ts of
// the gateway.
import type { ConversationId } from "@presszero/contracts";
import type { FeedText, SessionInput } from "../../apps/server/src/modules/gateway/session.ts";
import type { Cores } from "./cores.ts";
import type { DatabaseServer } from "./database-server.ts";
import type { Connection } from "./process.ts";
import { listFeedEntries } from "./reads.ts";
import { keyOf, type Person, type Tables } from "./tables.ts";

const pauseMs = 200;
const cursorMark = "feed ";

export type Feed = ReturnType<typeof createFeed>;

export function createFeed(ports: {
  db: DatabaseServer;
  cores: Cores;
  later: (ms: number, what: () => void) => void;
  answered: (what: () => void) => void;
  tell: (to: Connection, input: SessionInput) => void;
}) {
  const audience = new Set<Connection>();
  let dirty = new Map<string, { companyId: string; id: ConversationId }>();
  let isWaiting = false;
  /** Up to here every change is in `dirty`, or was. */
  let swept = "0";
  /** Up to here every change was told: no cursor goes further. */
  let told = "0";

  function changed(companyId: string, id: ConversationId): void {
    dirty.set(keyOf(companyId, id), { companyId, id });
    if (isWaiting) return;
    isWaiting = true;
    ports.later(0, flush);
  }

  function reached(position: string): void {
    swept = position;
    if (dirty.size === 0 && !isWaiting) told = position;
  }

  function flush(): void {
    const now = [...dirty.values()];
    const reaching = swept;
    dirty = new Map();
    ports.db.read(
      (tables) =>
        now.flatMap(({ companyId, id }) =>
          listFeedEntries(tables, companyId, [id]).map((entry) => ({ companyId, entry })),
        ),
      (answer) =>
        ports.answered(() => {
          if ("failure" in answer) {
            for (const one of now) dirty.set(keyOf(one.companyId, one.id), one);
          } else {
            for (const connection of audience) {
              const { person } = connection;
              const items = answer.result.flatMap(({ companyId, entry }) =>
                person && companyId === person.companyId ? textFor(person, entry) : [],
              );
              if (items.length > 0)
                ports.tell(connection, { type: "feed", items, position: ports.cores.feedCursor(told, swept) });
            }
            told = reaching;
          }
          ports.later(pauseMs, () => {
            isWaiting = false;
            if (dirty.size === 0) return;
            isWaiting = true;
            flush();
          });
        }),
    );
  }

  return {
    changed,
    reached,
    join: (connection: Connection) => void audience.add(connection),
    leave: (connection: Connection) => void audience.delete(connection),
    cursorOf: (position: string) => cursorMark + position,
    positionOf: (cursor: string | null) => (cursor?.startsWith(cursorMark) ? cursor.slice(cursorMark.length) : null),
    entriesFor: (tables: Tables, person: Person, ids: readonly ConversationId[]): FeedText[] =>
      listFeedEntries(tables, person.companyId, ids).flatMap((entry) => textFor(person, entry)),
  };
}

function textFor(person: Person, entry: ReturnType<typeof listFeedEntries>[number]): FeedText[] {
  if (person.type === "contact" && entry.contactId !== person.id) return [];
  const item = person.type === "contact" ? entry.customer : entry.staff;
  return [{ conversationId: item.id, json: JSON.stringify(item) }];
}
