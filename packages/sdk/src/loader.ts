import type { ConversationId } from "@presszero/contracts";
import type { Answer, Call, CallProblem, Input, ListQuery } from "./engine.ts";
import { apply } from "./persist.ts";
import { forgetConversation } from "./reoffer.ts";
import { needsSummary, windowStart } from "./record.ts";
import { call, change, clearTimer, setTimer, type Turn } from "./turn.ts";

const retryMs = 5_000;

/** What comes by REST: lists, single summaries, older events. */
export function loadList(turn: Turn, { key, query, cursor }: Extract<Input, { type: "load_list" }>): void {
  change(turn, { lists: { ...turn.engine.lists, [JSON.stringify(query)]: query } });
  call(turn, key, { op: "list", query, cursor });
}

/** The page before the window; with nothing held, the latest page. */
export function loadOlder(turn: Turn, key: string, conversationId: ConversationId): void {
  const record = turn.engine.state.conversations[conversationId];
  const before = record === undefined || record.last === 0 ? undefined : windowStart(record);
  if (before !== 1) call(turn, key, { op: "events", conversationId, before });
}

export function loadSummary(turn: Turn, conversationId: ConversationId): void {
  const { wanted } = turn.engine;
  if (!wanted.includes(conversationId)) change(turn, { wanted: [...wanted, conversationId] });
  clearTimer(turn, "summaries");
  loadWanted(turn);
}

/** A summary that the window has left behind, or whose read mark is not known, is loaded again. */
export function checkSummary(turn: Turn, conversationId: ConversationId): void {
  const record = turn.engine.state.conversations[conversationId];
  if (record !== undefined && needsSummary(record)) loadSummary(turn, conversationId);
}

/** One at a time, so that a long feed is no storm of requests. */
export function loadWanted(turn: Turn): void {
  const { isRunning, wanted, calls, timers } = turn.engine;
  const conversationId = wanted[0];
  if (conversationId === undefined || !isRunning || calls["summary"] || timers.summaries !== undefined) return;
  call(turn, "summary", { op: "summary", conversationId });
}

/** Loads again what is on screen: the first page of every list, and the conversations held. */
export function reload(turn: Turn): void {
  for (const conversationId of Object.keys(turn.engine.holders)) loadSummary(turn, conversationId as ConversationId);
  for (const name of Object.keys(turn.engine.lists)) reloadList(turn, name);
}

export function reloadList(turn: Turn, name: string): void {
  const query: ListQuery | undefined = turn.engine.lists[name];
  if (query !== undefined) call(turn, `reload ${name}`, { op: "list", query, cursor: undefined });
}

/** The answer to a call. */
export function loaded(turn: Turn, about: Call, answer: Answer): void {
  if (answer.op === "list") apply(turn, { type: "summaries", items: answer.items });
  if (about.op === "events" && answer.op === "events")
    apply(turn, { type: "page", conversationId: about.conversationId, page: answer.page });
  if (about.op !== "summary" || answer.op !== "summary") return;
  apply(turn, { type: "summaries", items: [answer.summary] });
  notWanted(turn, about.conversationId);
  loadWanted(turn);
}

export function loadFailed(turn: Turn, key: string, about: Call, problem: CallProblem): void {
  const ms = problem.retryAfterMs ?? retryMs;
  if (key.startsWith("reload ") && problem.retry && turn.engine.isRunning)
    setTimer(turn, key as `reload ${string}`, ms);
  if (about.op !== "summary") return;
  if (problem.retry) {
    if (turn.engine.isRunning) setTimer(turn, "summaries", ms);
    return;
  }
  notWanted(turn, about.conversationId);
  // Its messages are still offered again after a restore: this answer may come of one that we have not been told of.
  if (problem.code === "NOT_FOUND") apply(turn, { type: "gone", conversationId: about.conversationId, why: "access" });
  loadWanted(turn);
}

/** The conversation does not exist for this person, or not any more. */
export function lose(turn: Turn, conversationId: ConversationId): void {
  apply(turn, { type: "gone", conversationId, why: "access" });
  forgetConversation(turn, conversationId);
}

function notWanted(turn: Turn, conversationId: ConversationId): void {
  change(turn, { wanted: turn.engine.wanted.filter((id) => id !== conversationId) });
}
