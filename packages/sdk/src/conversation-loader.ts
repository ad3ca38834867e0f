import type { ConversationId, EventsPage } from "@presszero/contracts";
import type { Clock } from "./clock.ts";
import type { ListQuery } from "./engine.ts";
import { ApiError, type ApiClient } from "./http.ts";
import { needsSummary, windowStart } from "./record.ts";
import type { Action } from "./state.ts";
import type { ConversationRecord, Side, Summary } from "./types.ts";

const retryMs = 5_000;
const listLimit = 50;

export type LoaderPorts = {
  api: ApiClient;
  side: Side;
  clock: Clock;
  dispatch: (action: Action) => void;
  /** A conversation that was asked for is in the state now. */
  onLoaded: (conversationId: ConversationId) => void;
};

/** What comes by REST: lists, single summaries, older events. */
export function createConversationLoader({ api, side, clock, dispatch, onLoaded }: LoaderPorts) {
  const lists = new Map<string, ListQuery>();
  const wanted = new Set<ConversationId>();
  let isRunning = false;
  let isLoading = false;
  let cancelRetry = () => {};

  async function loadList(query: ListQuery = {}, cursor?: string): Promise<{ next: string | null }> {
    lists.set(JSON.stringify(query), query);
    const { items, next } = await fetchList(query, cursor);
    dispatch({ type: "summaries", items });
    for (const item of items) onLoaded(item.id);
    return { next };
  }

  async function fetchList(
    query: ListQuery,
    cursor: string | undefined,
  ): Promise<{ items: Summary[]; next: string | null }> {
    const page = { cursor, limit: listLimit };
    if (side === "contact") return api("GET /v1/my/conversations", { query: page });
    return api("GET /v1/conversations", { query: { ...query, ...page } });
  }

  async function fetchSummary(conversationId: ConversationId): Promise<Summary> {
    const params = { conversationId };
    if (side === "contact") return api("GET /v1/my/conversations/:conversationId", { params });
    return api("GET /v1/conversations/:conversationId", { params });
  }

  async function fetchEvents(conversationId: ConversationId, before: number | undefined): Promise<EventsPage> {
    const input = { params: { conversationId }, query: { before } };
    if (side === "contact") return api("GET /v1/my/conversations/:conversationId/events", input);
    return api("GET /v1/conversations/:conversationId/events", input);
  }

  /** The page before the window; with nothing held, the latest page. */
  async function loadOlder(conversationId: ConversationId, record: ConversationRecord | undefined): Promise<void> {
    const before = record === undefined || record.last === 0 ? undefined : windowStart(record);
    if (before === 1) return;
    dispatch({ type: "page", conversationId, page: await fetchEvents(conversationId, before) });
  }

  function loadSummary(conversationId: ConversationId): void {
    wanted.add(conversationId);
    void loadWanted();
  }

  function checkSummary(record: ConversationRecord): void {
    if (needsSummary(record)) loadSummary(record.id);
  }

  /** One at a time, so that a long feed is no storm of requests. */
  async function loadWanted(): Promise<void> {
    if (isLoading || !isRunning) return;
    isLoading = true;
    cancelRetry();
    for (const conversationId of wanted) {
      if (!isRunning) break;
      try {
        dispatch({ type: "summaries", items: [await fetchSummary(conversationId)] });
        wanted.delete(conversationId);
        onLoaded(conversationId);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.retry) {
          cancelRetry = clock.after(error.retryAfterMs ?? retryMs, () => void loadWanted());
          break;
        }
        wanted.delete(conversationId);
        if (error.code === "NOT_FOUND") dispatch({ type: "gone", conversationId, why: "access" });
      }
    }
    isLoading = false;
  }

  /** Loads again what is on screen: the first page of every list, and these conversations. */
  function reload(conversationIds: readonly ConversationId[]): void {
    for (const conversationId of conversationIds) loadSummary(conversationId);
    for (const query of lists.values()) void reloadList(query);
  }

  async function reloadList(query: ListQuery): Promise<void> {
    try {
      await loadList(query);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.retry && isRunning) clock.after(error.retryAfterMs ?? retryMs, () => void reloadList(query));
    }
  }

  function start(): void {
    isRunning = true;
    void loadWanted();
  }

  function stop(): void {
    isRunning = false;
    cancelRetry();
  }

  return { loadList, loadOlder, loadSummary, checkSummary, reload, start, stop };
}
