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

/** Conversations of the actor that changed since the cursor; null when the client has to read its list again. */
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
  let isStopped = false;
  /** Up to here every change is in `dirty`, or was. */
  let swept: Horizon = "0";
  /**
   * Up to here every change was told. No cursor goes further: a client that breaks off after a frame must still be told,
   * when it comes back with the cursor of that frame, what was waiting behind it.
   */
  let told: Horizon = "0";
  /** Items for connections that are not yet welcomed and told what they missed: theirs comes first. */
  const arriving = new Map<Connection, string[]>();

  function join(connection: Connection): void {
    audienceOf(connection).add(connection);
    arriving.set(connection, []);
  }

  /** The connection has been told everything up to its first cursor. */
  function arrived(connection: Connection): void {
    const held = arriving.get(connection) ?? [];
    arriving.delete(connection);
    for (const items of held) tellOne(connection, items);
  }

  function leave(connection: Connection): void {
    const { companyId, actor } = connection.ctx;
    arriving.delete(connection);
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
    for (const [companyId, ids] of now) {
      try {
        await tell(companyId, [...ids]);
      } catch (error) {
        // The changes stay in the log: they come back with the next round.
        system.log.warn({ err: error, companyId }, "could not read changed conversations");
        isComplete = false;
        const again = getOrCreate(dirty, companyId, () => new Set<ConversationId>());
        for (const id of ids) again.add(id);
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

  async function tell(companyId: CompanyId, ids: ConversationId[]): Promise<void> {
    for (let start = 0; start < ids.length; start += itemsPerFrame) {
      const part = ids.slice(start, start + itemsPerFrame);
      const entries = await inTx(systemCtx(system, companyId, "gateway"), (tx) => listFeedEntries(tx, part));
      if (entries.length === 0) continue;
      const audience = staff.get(companyId);
      if (audience) {
        const items = JSON.stringify(entries.map((entry) => entry.staff));
        for (const connection of audience) tellOne(connection, items);
      }
      const people = customers.get(companyId);
      if (!people) continue;
      for (const { contactId, customer } of entries) {
        const items = JSON.stringify([customer]);
        for (const connection of people.get(contactId) ?? []) tellOne(connection, items);
      }
    }
  }

  function tellOne(connection: Connection, items: string): void {
    const held = arriving.get(connection);
    if (held) held.push(items);
    else send(connection, feedCursor(connection.ctx, told), items);
  }

  /** Tells what changed while the connection was away; `before` is the cursor it came with, `after` the one it leaves with. */
  async function catchUp(
    connection: Connection,
    ids: readonly ConversationId[],
    before: string,
    after: string,
  ): Promise<void> {
    for (let start = 0; start < ids.length; start += itemsPerFrame) {
      const part = ids.slice(start, start + itemsPerFrame);
      const entries = await inTx(connection.ctx, (tx) => listFeedEntries(tx, part));
      const items = entries.map((entry) => (connection.side === "business" ? entry.staff : entry.customer));
      const more = start + itemsPerFrame < ids.length;
      send(connection, more ? before : after, JSON.stringify(items), more);
    }
  }

  function send(connection: Connection, cursor: string, items: string, more = false): void {
    connection.sendText(`{"type":"feed","cursor":"${cursor}","items":${items},"more":${more}}`);
  }

  function stop(): void {
    isStopped = true;
    if (timer) clearTimeout(timer);
  }

  return { join, arrived, leave, changed, reached, catchUp, stop };
}

export type Feed = ReturnType<typeof createFeed>;

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = create()));
  return value;
}
