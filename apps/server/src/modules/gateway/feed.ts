import type { CompanyId, ConversationId } from "@presszero/contracts";
import { type Ctx, type SystemCtx, systemCtx } from "../../kernel/context.ts";
import { encodeCursor, findCursorPosition } from "../../kernel/cursor.ts";
import { type InTx, inTx } from "../../kernel/database.ts";
import { listFeedEntries } from "../conversations/index.ts";
import type { Connection } from "./connection.ts";
import { type Horizon, listChangedConversations, readHorizon } from "./views.ts";

/** At most this many items go into one frame, and after so many changes a client rather reads its list again. */
const itemsPerFrame = 100;
const maxFeedItems = 500;

/** A first change goes out at once; further ones of the next moments go together. */
const pauseMs = 200;

function feedCursor(ctx: Ctx, horizon: Horizon): string {
  return encodeCursor(ctx, "feed", horizon);
}

/** Conversations that changed since the cursor; null when the client has to read its list again. */
export async function readFeed(
  ctx: Ctx & InTx,
  cursor: string | null,
): Promise<{ changed: ConversationId[] | null; cursor: string }> {
  const next = feedCursor(ctx, await readHorizon(ctx));
  if (cursor === null) return { changed: [], cursor: next };
  const from = findCursorPosition<Horizon>(ctx, "feed", cursor);
  if (from === null) return { changed: null, cursor: next };
  const changed = await listChangedConversations(ctx, from, maxFeedItems + 1);
  return { changed: changed.length > maxFeedItems ? null : changed, cursor: next };
}

/** Keeps the lists of connected people current: tells each which of their conversations changed, and how they are now. */
export function createFeed(system: SystemCtx) {
  const staff = new Map<CompanyId, Set<Connection>>();
  const customers = new Map<CompanyId, Map<string, Set<Connection>>>();
  let dirty = new Map<CompanyId, Set<ConversationId>>();
  let timer: NodeJS.Timeout | null = null;
  let isFlushing = false;

  function join(connection: Connection): void {
    audienceOf(connection).add(connection);
  }

  function leave(connection: Connection): void {
    const { companyId, actor } = connection.ctx;
    const audience = audienceOf(connection);
    audience.delete(connection);
    if (audience.size > 0) return;
    if (connection.side === "business") return void staff.delete(companyId);
    const people = customers.get(companyId);
    people?.delete(actor.id);
    if (people?.size === 0) customers.delete(companyId);
  }

  function audienceOf(connection: Connection): Set<Connection> {
    const { companyId, actor } = connection.ctx;
    if (connection.side === "business") return getOrCreate(staff, companyId, () => new Set<Connection>());
    const people = getOrCreate(customers, companyId, () => new Map<string, Set<Connection>>());
    return getOrCreate(people, actor.id, () => new Set<Connection>());
  }

  function changed(companyId: CompanyId, conversationId: ConversationId): void {
    if (!staff.has(companyId) && !customers.has(companyId)) return;
    getOrCreate(dirty, companyId, () => new Set<ConversationId>()).add(conversationId);
    if (!isFlushing) timer ??= setTimeout(() => void flush(), 0);
  }

  async function flush(): Promise<void> {
    timer = null;
    isFlushing = true;
    const now = dirty;
    dirty = new Map();
    for (const [companyId, ids] of now) {
      try {
        await tell(companyId, [...ids]);
      } catch (error) {
        // The changes stay in the log: they come back with the next round.
        system.log.warn({ err: error, companyId }, "could not read changed conversations");
        const again = getOrCreate(dirty, companyId, () => new Set<ConversationId>());
        for (const id of ids) again.add(id);
      }
    }
    isFlushing = false;
    timer = setTimeout(() => {
      timer = null;
      if (dirty.size > 0) void flush();
    }, pauseMs);
  }

  async function tell(companyId: CompanyId, ids: ConversationId[]): Promise<void> {
    for (let start = 0; start < ids.length; start += itemsPerFrame) {
      const part = ids.slice(start, start + itemsPerFrame);
      const { entries, horizon } = await inTx(systemCtx(system, companyId, "gateway"), async (tx) => ({
        horizon: await readHorizon(tx),
        entries: await listFeedEntries(tx, part),
      }));
      if (entries.length === 0) continue;
      const audience = staff.get(companyId);
      if (audience) {
        const items = JSON.stringify(entries.map((entry) => entry.staff));
        for (const connection of audience) send(connection, horizon, items);
      }
      const people = customers.get(companyId);
      if (!people) continue;
      for (const { contactId, customer } of entries) {
        for (const connection of people.get(contactId) ?? []) send(connection, horizon, JSON.stringify([customer]));
      }
    }
  }

  /** What changed while the connection was away. */
  async function catchUp(connection: Connection, ids: readonly ConversationId[]): Promise<void> {
    for (let start = 0; start < ids.length; start += itemsPerFrame) {
      const part = ids.slice(start, start + itemsPerFrame);
      const { entries, horizon } = await inTx(connection.ctx, async (tx) => ({
        horizon: await readHorizon(tx),
        entries: await listFeedEntries(tx, part),
      }));
      const items = entries.map((entry) => (connection.side === "business" ? entry.staff : entry.customer));
      send(connection, horizon, JSON.stringify(items), start + itemsPerFrame < ids.length);
    }
  }

  function send(connection: Connection, horizon: Horizon, items: string, more = false): void {
    const cursor = feedCursor(connection.ctx, horizon);
    connection.sendText(`{"type":"feed","cursor":"${cursor}","items":${items},"more":${more}}`);
  }

  function stop(): void {
    if (timer) clearTimeout(timer);
  }

  return { join, leave, changed, catchUp, stop };
}

export type Feed = ReturnType<typeof createFeed>;

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = create()));
  return value;
}
