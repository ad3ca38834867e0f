import { listConversations, type Summary } from "@presszero/sdk";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useSync, useSyncState } from "../conversations.tsx";
import { useMe } from "../session.ts";
import { holdOrder, isSameOrder } from "./list-hold.ts";
import { type View, viewFilter, viewQuery } from "./views.ts";

export type ConversationList = {
  summaries: Summary[];
  /** Newcomers held back while someone points at the list. */
  waiting: number;
  loading: boolean;
  error: unknown;
  retry: () => void;
  loadMore: () => void;
  loadingMore: boolean;
};

/** The conversations of a view, kept current by the feed; in the order shown when `held` began as long as it lasts. */
export function useConversationList(view: View, held: boolean): ConversationList {
  const sync = useSync();
  const { agent } = useMe();
  const pages = useInfiniteQuery({
    queryKey: ["conversations", "list", view],
    queryFn: ({ pageParam }) => sync.loadConversations(viewQuery[view], pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    staleTime: Infinity,
    retry: false,
  });
  const conversations = useSyncState((state) => state.conversations);
  const fresh = useMemo(
    () =>
      listConversations({ ...sync.getState(), conversations }, viewFilter(view, agent.id)).map(({ id }): string => id),
    [sync, conversations, view, agent.id],
  );

  const newest = fresh[0] === undefined ? "" : (conversations[fresh[0]]?.summary.activityAt ?? "");
  const [shown, setShown] = useState({ view, ids: fresh as readonly string[], newest });
  const holding = held && shown.view === view && shown.ids.length > 0;
  const hasArrived = (id: string) => (conversations[id]?.summary.activityAt ?? "") > shown.newest;
  const { ids, waiting } = holding ? holdOrder(shown.ids, fresh, hasArrived) : { ids: fresh, waiting: 0 };
  const next = { view, ids, newest: holding ? shown.newest : newest };
  if (next.view !== shown.view || next.newest !== shown.newest || !isSameOrder(next.ids, shown.ids)) setShown(next);

  return {
    summaries: ids.flatMap((id) => conversations[id]?.summary ?? []),
    waiting,
    loading: pages.isPending,
    error: pages.error,
    retry: () => void (pages.data ? pages.fetchNextPage() : pages.refetch()),
    loadMore: () => {
      if (pages.hasNextPage && !pages.isFetching && !pages.error) void pages.fetchNextPage();
    },
    loadingMore: pages.isFetchingNextPage,
  };
}
