import type { CompanyId, ConversationId } from "@presszero/contracts";
import { type Ctx, type SystemCtx, systemCtx } from "../../kernel/context.ts";
import { encodeCursor, findCursorPosition } from "../../kernel/cursor.ts";
import { type InTx, inTx } from "../../kernel/database.ts";
import { listFeedEntries, sideOf } from "../conversations/index.ts";
import type { Connection } from "./connection.ts";
import type { FeedText } from "./session.ts";
import { type Horizon, listChangedConversations, readHorizon } from "./views.ts";

/** So many are read at a time, and after so many changes a client rather reads its list again. */
const entriesPerRead = 100;
const maxFeedItems = 500;

/** A first change goes out at once; further ones of the next moments go together. */
const pauseMs = 200;

export function feedCursor(ctx: Ctx, horizon: Horizon): string {
  return encodeCursor(ctx, "feed", horizon);
}

/** Conversations of the actor that changed since the cursor; null when the client has to read its list again. */
export async function readFeed(
  ctx: Ctx & InTx,
  cursor: string | null,
): Promise<{ from: Horizon | null; changed: ConversationId[] | null; position: Horizon }> {
  const position = await readHorizon(ctx);
  if (cursor === null) return { from: null, changed: [], position };
  const from = findCursorPosition<Horizon>(ctx, "feed", cursor);
  if (from === null) return { from, changed: null, position };
  const changed = await listChangedConversations(ctx, from, maxFeedItems + 1);
  return { from, changed: changed.length > maxFeedItems ? null : changed, position };
}

/** Keeps the lists of connected people current: tells each which of their conversations changed, and how they are now. */
export function createFeed(system: SystemCtx) {
  const staff = new Map<CompanyId, Set<Connection>>();
  const customers = new Map<CompanyId, Map<string, Set<Connection>>>();
  /** What changed, and whether its customer learns of it: not even that something happened, if it was a note. */
  let dirty = new Map<CompanyId, Map<ConversationId, boolean>>();
  let timer: NodeJS.Timeout | null = null;
  let isFlushing = false;
  let isStopped = false;
  /** Up to here every change is in `dirty`, or was. */
  let swept: Horizon = "0";
  /**
   * Up to here every change was told. No cursor goes further: a client that breaks off after a frame must still be told,
   * when it comes back with the cursor of that frame, what was waiting behind it.
   */
  let told: Horizon = "0";

  function join(connection: Connection): void {
    const { companyId, actor } = connection.ctx!;
    if (sideOf(connection.ctx!) === "business") {
      getOrCreate(staff, companyId, () => new Set<Connection>()).add(connection);
      return;
    }
    const people = getOrCreate(customers, companyId, () => new Map<string, Set<Connection>>());
    getOrCreate(people, actor.id, () => new Set<Connection>()).add(connection);
  }

  function leave(connection: Connection): void {
    if (!connection.ctx) return;
    const { companyId, actor } = connection.ctx;
    const colleagues = staff.get(companyId);
    if (colleagues?.delete(connection) && colleagues.size === 0) staff.delete(companyId);
    const people = customers.get(companyId);
    const devices = people?.get(actor.id);
    if (devices?.delete(connection) && devices.size === 0) people!.delete(actor.id);
    if (people?.size === 0) customers.delete(companyId);
  }

  function changed(companyId: CompanyId, conversationId: ConversationId, isPublic: boolean): void {
    if (!staff.has(companyId) && !customers.has(companyId)) return;
    mark(companyId, conversationId, isPublic);
    if (!isFlushing) timer ??= setTimeout(() => void flush(), 0);
  }

  function mark(companyId: CompanyId, conversationId: ConversationId, isPublic: boolean): void {
    const ofCompany = getOrCreate(dirty, companyId, () => new Map<ConversationId, boolean>());
    ofCompany.set(conversationId, isPublic || ofCompany.get(conversationId) === true);
  }

  /** Every change below this position was told to `changed`. */
  function reached(position: Horizon): void {
    swept = position;
    if (dirty.size === 0 && !isFlushing) told = position;
  }

  async function flush(): Promise<void> {
    timer = null;
    isFlushing = true;
    const now = dirty;
    const reaching = swept;
    let isComplete = true;
    dirty = new Map();
    for (const [companyId, changes] of now) {
      try {
        await tell(companyId, changes);
      } catch (error) {
        // The changes stay in the log: they come back with the next round.
        system.log.warn({ err: error, companyId }, "could not read changed conversations");
        isComplete = false;
        for (const [id, isPublic] of changes) mark(companyId, id, isPublic);
      }
    }
    if (isComplete) told = reaching;
    isFlushing = false;
    if (isStopped) return;
    timer = setTimeout(() => {
      timer = null;
      if (dirty.size > 0) void flush();
    }, pauseMs);
  }

  async function tell(companyId: CompanyId, changes: ReadonlyMap<ConversationId, boolean>): Promise<void> {
    const ids = [...changes.keys()];
    for (let start = 0; start < ids.length; start += entriesPerRead) {
      const part = ids.slice(start, start + entriesPerRead);
      const entries = await inTx(systemCtx(system, companyId, "gateway"), (tx) => listFeedEntries(tx, part));
      if (entries.length === 0) continue;
      const audience = staff.get(companyId);
      if (audience) {
        const items = entries.map((entry) => toText(entry.staff));
        for (const connection of audience) connection.put({ type: "feed", items, position: told });
      }
      const people = customers.get(companyId);
      if (!people) continue;
      for (const { contactId, customer } of entries) {
        const devices = people.get(contactId);
        if (!devices || !changes.get(customer.id)) continue;
        const items = [toText(customer)];
        for (const connection of devices) connection.put({ type: "feed", items, position: told });
      }
    }
  }

  function stop(): void {
    isStopped = true;
    if (timer) clearTimeout(timer);
  }

  return { join, leave, changed, reached, stop };
}

export type Feed = ReturnType<typeof createFeed>;

/** Written once for all who read it (SR8). */
export function toText(item: { id: ConversationId }): FeedText {
  return { conversationId: item.id, json: JSON.stringify(item) };
}

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = create()));
  return value;
}
