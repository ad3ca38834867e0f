import { ActionIcon, Button, Loader } from "@mantine/core";
import type { ConversationId, Message } from "@presszero/contracts";
import { hasOlder, thread, type ConversationRecord } from "@presszero/sdk";
import { IconArrowDown } from "@tabler/icons-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Virtuoso, type VirtuosoHandle } from "react-virtuoso";
import { useAttention } from "../attention.ts";
import { useSync, useSyncState } from "../conversations.tsx";
import { errorText } from "../errors.ts";
import { useT } from "../i18n.ts";
import { authorName } from "../person.tsx";
import { useMe } from "../session.ts";
import type { OpenTrace } from "./message-menu.tsx";
import { ThreadRow } from "./thread-row.tsx";
import { ThreadSkeleton } from "./thread-skeleton.tsx";
import { threadRows, type ThreadRow as Row } from "./thread-rows.ts";
import classes from "./thread.module.css";

const TracePanel = lazy(() => import("./trace-panel.tsx"));

/** History is fetched when fewer than this many rows are left above. */
const fetchAhead = 30;
/** Virtuoso counts rows from here, so that rows can be put before the first. */
const firstIndex = 1_000_000;

/** The messages of a conversation. Mount it anew for each one. */
export function Thread({ conversationId }: { conversationId: ConversationId }) {
  const record = useSyncState((state) => state.conversations[conversationId]);
  if (!record || (record.events.length === 0 && !record.synced)) return <ThreadSkeleton />;
  return <LoadedThread record={record} />;
}

function LoadedThread({ record }: { record: ConversationRecord }) {
  const t = useT();
  const sync = useSync();
  const { agent } = useMe();
  const { id } = record;
  const outbox = useSyncState((state) => state.outbox);
  const attentive = useAttention();
  const virtuoso = useRef<VirtuosoHandle>(null);
  const [atBottom, setAtBottom] = useState(true);
  const [newAfter, setNewAfter] = useNewLine(record, attentive, atBottom);

  const rows = useMemo(() => {
    const state = { ...sync.getState(), outbox, conversations: { [id]: record } };
    return threadRows(thread(state, id), agent.id, newAfter, hasOlder(state, id));
  }, [sync, outbox, record, id, agent.id, newAfter]);
  const newestMessage = rows.findLast(({ item }) => item.type === "message");
  const [traced, setTraced] = useState<{ message: Message; opener: HTMLElement | null } | null>(null);
  const onTrace = useCallback<OpenTrace>((message, opener) => setTraced({ message, opener }), []);
  const [initialAt] = useState(() => rows.findIndex((row) => row.startsNew));
  const first = useFirstIndex(rows);
  const older = useOlder(record);

  // Read is what a person can have seen: the newest message stands on the screen of the window they look at.
  useEffect(() => {
    if (attentive && atBottom && (record.summary.unread > 0 || record.provisional)) sync.markRead(id);
  }, [sync, id, attentive, atBottom, record.last, record.summary.unread, record.provisional]);

  // Whoever writes has seen what was new and wants to see what they wrote.
  const newestOwn = outbox.findLast((item) => item.conversationId === id)?.clientId;
  useEffect(() => {
    if (newestOwn === undefined) return;
    setNewAfter(null);
    virtuoso.current?.scrollToIndex({ index: "LAST", align: "end" });
  }, [newestOwn, setNewAfter]);

  const onRange = ({ startIndex }: { startIndex: number }) => {
    if (startIndex - first < fetchAhead) older.load();
  };

  return (
    <div className={classes.thread}>
      <Virtuoso
        ref={virtuoso}
        className={classes.scroller}
        role="log"
        aria-label={t("thread.title")}
        aria-live="off"
        tabIndex={0}
        data={rows}
        firstItemIndex={first}
        computeItemKey={(_, row) => row.item.key}
        initialTopMostItemIndex={
          initialAt > 0 ? { index: initialAt, align: "start", offset: -48 } : { index: "LAST", align: "end" }
        }
        alignToBottom
        followOutput={(bottom) => (bottom ? "auto" : false)}
        atBottomThreshold={80}
        atBottomStateChange={setAtBottom}
        rangeChanged={onRange}
        increaseViewportBy={{ top: 800, bottom: 400 }}
        itemContent={(_, row) => <ThreadRow row={row} isNewest={row === newestMessage} onTrace={onTrace} />}
        components={{ Header: ThreadHead, Footer: ThreadFoot }}
        context={{ record, older }}
      />
      {atBottom ? null : (
        <JumpToLatest record={record} onJump={() => virtuoso.current?.scrollToIndex({ index: "LAST", align: "end" })} />
      )}
      {traced ? (
        <Suspense>
          <TracePanel
            message={traced.message}
            onClose={() => {
              setTraced(null);
              traced.opener?.focus();
            }}
          />
        </Suspense>
      ) : null}
    </div>
  );
}

/** Up to where the reader had read when they came, or when they last looked away; null draws no line. */
function useNewLine(record: ConversationRecord, attentive: boolean, atBottom: boolean) {
  const { summary, last } = record;
  const [newAfter, setNewAfter] = useState(() => (summary.unread > 0 ? summary.marks.myRead : null));
  const latest = useRef({ last, atBottom });
  latest.current = { last, atBottom };
  useEffect(() => {
    if (!attentive && latest.current.atBottom) setNewAfter(latest.current.last);
  }, [attentive]);
  return [newAfter, setNewAfter] as const;
}

/** Virtuoso's number of the first row: lower by as many rows as were put before the one that was first. */
function useFirstIndex(rows: readonly Row[]): number {
  const [anchor, setAnchor] = useState({ key: rows[0]?.item.key, index: firstIndex });
  const firstKey = rows[0]?.item.key;
  if (firstKey === anchor.key) return anchor.index;
  const before = rows.findIndex(({ item }) => item.key === anchor.key);
  const next = { key: firstKey, index: before > 0 ? anchor.index - before : firstIndex };
  setAnchor(next);
  return next.index;
}

type Older = { load: () => void; loading: boolean; error: unknown; retry: () => void };

function useOlder(record: ConversationRecord): Older {
  const sync = useSync();
  const [loading, setLoading] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const more = useSyncState((state) => hasOlder(state, record.id));
  const busy = useRef(false);

  const retry = useCallback(async () => {
    if (busy.current) return;
    busy.current = true;
    setLoading(true);
    setError(null);
    try {
      await sync.loadOlder(record.id);
    } catch (failure) {
      setError(failure);
    } finally {
      busy.current = false;
      setLoading(false);
    }
  }, [sync, record.id]);

  return { loading, error, retry: () => void retry(), load: () => void (more && !error && retry()) };
}

type ThreadContext = { record: ConversationRecord; older: Older };

function ThreadHead({ context }: { context?: ThreadContext }) {
  const t = useT();
  if (context?.older.error) {
    return (
      <div className={classes.head}>
        <span>{errorText(t, context.older.error)}</span>
        <Button size="compact-xs" variant="default" onClick={context.older.retry}>
          {t("common.retry")}
        </Button>
      </div>
    );
  }
  return <div className={classes.head}>{context?.older.loading ? <Loader size="xs" /> : null}</div>;
}

/** Keeps its height, so that nothing moves when the customer begins and stops typing. */
function ThreadFoot({ context }: { context?: ThreadContext }) {
  const t = useT();
  const typing = Object.values(context?.record.typing ?? {}).map(({ by }) => authorName(t, by));
  return (
    <div className={classes.foot} role="status">
      {typing.length > 0 ? (
        <>
          <span className={classes.dots} aria-hidden>
            <i />
            <i />
            <i />
          </span>
          {t("thread.typing", { count: typing.length, name: typing[0] })}
        </>
      ) : null}
    </div>
  );
}

/** Mounted while the end is out of sight; counts what the customer has written since. */
function JumpToLatest({ record, onJump }: { record: ConversationRecord; onJump: () => void }) {
  const t = useT();
  const [leftAt] = useState(record.last);
  const count = record.events.filter(
    (event) => event.seq > leftAt && event.kind === "message.created" && event.data.createdBy === "user",
  ).length;
  return count > 0 ? (
    <Button
      className={classes.jump}
      size="compact-sm"
      radius="xl"
      leftSection={<IconArrowDown size={14} />}
      onClick={onJump}
    >
      {t("thread.newCount", { count })}
    </Button>
  ) : (
    <ActionIcon
      className={classes.jump}
      variant="default"
      radius="xl"
      size={36}
      onClick={onJump}
      aria-label={t("thread.toLatest")}
    >
      <IconArrowDown size={18} />
    </ActionIcon>
  );
}
