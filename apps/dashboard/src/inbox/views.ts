import type { ListFilter, ListQuery } from "@presszero/sdk";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { api } from "../api.ts";
import { useSyncState } from "../conversations.tsx";
import { queryClient, useMe } from "../session.ts";

export const views = ["mine", "unassigned", "open", "closed"] as const;
export type View = (typeof views)[number];

export function viewOf(name: string | undefined): View {
  return views.find((view) => view === name) ?? "open";
}

/** A view as the server is asked for it. */
export const viewQuery: Record<View, ListQuery> = {
  mine: { status: "open", assignee: "me" },
  unassigned: { status: "open", assignee: "none" },
  open: { status: "open" },
  closed: { status: "closed" },
};

/** A view as a filter over what this client holds. */
export function viewFilter(view: View, agentId: string): ListFilter {
  const filters: Record<View, ListFilter> = {
    mine: { status: "open", assigneeId: agentId },
    unassigned: { status: "open", assigneeId: null },
    open: { status: "open" },
    closed: { status: "closed" },
  };
  return filters[view];
}

const countsKey = ["conversations", "counts"];

/** How many conversations each view holds, counted by the server; asked again when what this client holds of a view changes. */
export function useCounts(): Partial<Record<View, number>> {
  const { agent } = useMe();
  const { data } = useQuery({ queryKey: countsKey, queryFn: () => api("GET /v1/conversations/counts") });
  const conversations = useSyncState((state) => state.conversations);

  const held = useMemo(() => {
    const open = Object.values(conversations).filter(({ summary }) => summary.status === "open");
    const mine = open.filter(({ summary }) => summary.assignee?.id === agent.id);
    const unassigned = open.filter(({ summary }) => !summary.assignee);
    return `${open.length} ${mine.length} ${unassigned.length}`;
  }, [conversations, agent.id]);

  useEffect(() => {
    const timer = setTimeout(() => void queryClient.invalidateQueries({ queryKey: countsKey }), 300);
    return () => clearTimeout(timer);
  }, [held]);

  return data ?? {};
}
