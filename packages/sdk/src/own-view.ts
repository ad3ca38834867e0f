import type { ConversationId } from "@presszero/contracts";
import type { Input } from "./engine.ts";
import type { State } from "./types.ts";

/** The state as one tab shows it: a conversation that a person starts in another tab is not `started` here. */
export function ownView() {
  let started: ConversationId | null = null;
  const own = new Set<string>();
  /** Messages of other tabs that start a conversation. */
  const others = new Set<string>();
  let last: { state: State; shown: State } | null = null;

  function show(state: State): State {
    if (state === last?.state) return last.shown;
    if (state.started !== null && state.started !== last?.state.started && !isOfAnother(state)) started = state.started;
    last = { state, shown: state.started === started ? state : { ...state, started } };
    return last.shown;
  }

  function isOfAnother(state: State): boolean {
    const waiting = new Set(state.outbox.filter((item) => item.conversationId === null).map((item) => item.clientId));
    const isOwn = take(own, waiting);
    return take(others, waiting) && !isOwn;
  }

  return {
    show,
    sent(clientId: string): void {
      own.add(clientId);
      started = null;
    },
    taken(input: Input): void {
      if (input.type === "send" && input.conversationId === null && !own.has(input.clientId))
        others.add(input.clientId);
    },
  };
}

/** Removes those that wait no longer; answers whether there were any. */
function take(ids: Set<string>, waiting: ReadonlySet<string>): boolean {
  const done = [...ids].filter((id) => !waiting.has(id));
  for (const id of done) ids.delete(id);
  return done.length > 0;
}
