// Who is around, in one process: enough for sessions to have something to tell. Nothing of it is stored, and everything may
// be lost; what matters is who is told.
import type { Author, ConversationId } from "@presszero/contracts";
import type { Signal } from "../../apps/server/src/kernel/bus.ts";
import type { SessionInput } from "../../apps/server/src/modules/gateway/session.ts";
import type { Connection } from "./process.ts";

const isConversation = (place: string): place is ConversationId => place.startsWith("cnv_");

export function createPresence(tell: (to: Connection, input: SessionInput) => void) {
  const watchers = new Map<string, Set<Connection>>();
  /** By conversation and connection. */
  const viewers = new Map<string, Map<string, Author>>();

  function tellOf(connection: Connection, place: string): void {
    const people = [...(viewers.get(place)?.values() ?? [])];
    tell(
      connection,
      isConversation(place)
        ? { type: "viewers", conversationId: place, people }
        : { type: "presence", place, isOnline: true },
    );
  }

  return {
    watch(connection: Connection, place: string): void {
      watchers.set(place, (watchers.get(place) ?? new Set()).add(connection));
      tellOf(connection, place);
    },
    unwatch: (connection: Connection, place: string) => void watchers.get(place)?.delete(connection),
    leave(connection: Connection): void {
      for (const there of watchers.values()) there.delete(connection);
    },
    signalled({ kind, subjectId, by, data }: Signal): void {
      if (kind !== "viewing") return;
      const { on, source } = data as { on: boolean; source: string };
      const people = viewers.get(subjectId) ?? new Map<string, Author>();
      viewers.set(subjectId, people);
      if (on) people.set(source, by);
      else people.delete(source);
      for (const connection of watchers.get(subjectId) ?? []) tellOf(connection, subjectId);
    },
  };
}
