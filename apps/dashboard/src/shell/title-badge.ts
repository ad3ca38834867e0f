import { unreadTotals, type State } from "@presszero/sdk";
import { useEffect } from "react";
import { useSyncState } from "../conversations.tsx";
import { useMe } from "../session.ts";

/** Open conversations with something unread that wait for this agent or for anyone. */
export function useUnreadCount(): number {
  const { agent } = useMe();
  return useSyncState((state) => countUnread(state, agent.id));
}

const counted = new WeakMap<State["conversations"], number>();

function countUnread(state: State, agentId: string): number {
  const known = counted.get(state.conversations);
  if (known !== undefined) return known;
  const count =
    unreadTotals(state, { status: "open", assigneeId: agentId }).conversations +
    unreadTotals(state, { status: "open", assigneeId: null }).conversations;
  counted.set(state.conversations, count);
  return count;
}

/** The tab's title: the company, and before it how much is unread. */
export function useTitleBadge(): void {
  const { company } = useMe();
  const unread = useUnreadCount();
  useEffect(() => {
    const title = `${company.name} · Press Zero`;
    document.title = unread > 0 ? `(${unread}) ${title}` : title;
  }, [company.name, unread]);
}
