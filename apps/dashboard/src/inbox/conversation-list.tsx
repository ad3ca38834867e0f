import { Button, Loader, Skeleton } from "@mantine/core";
import {
  IconAlertTriangle,
  IconArrowUp,
  IconChecks,
  IconInbox,
  IconMessageCircle,
  IconUserCheck,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { Virtuoso, type VirtuosoHandle } from "react-virtuoso";
import { deviceStorage } from "../device-storage.ts";
import { errorText } from "../errors.ts";
import { useT } from "../i18n.ts";
import { useMe } from "../session.ts";
import { Notice } from "../shell/notice.tsx";
import { ConversationRow } from "./conversation-row.tsx";
import classes from "./conversation-list.module.css";
import { readDraft } from "./drafts.ts";
import { useConversationList, type ConversationList as List } from "./use-conversation-list.ts";
import { type View, useCounts, views } from "./views.ts";

/** Rows are 4 rem high, so that they grow with the reader's text. */
const rowHeight = 4 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

type ListProps = {
  view: View;
  selectedId: string | undefined;
  /** Tells the inbox the order shown, to step through it by key. */
  onOrder: (ids: readonly string[]) => void;
};

export function ConversationList({ view, selectedId, onOrder }: ListProps) {
  const t = useT();
  const [pointed, setPointed] = useState(false);
  const list = useConversationList(view, pointed);
  const order = list.summaries.map(({ id }) => id).join(" ");
  useEffect(() => onOrder(order === "" ? [] : order.split(" ")), [order, onOrder]);

  return (
    <section className={classes.list} aria-label={t("list.title")}>
      <ViewTabs view={view} />
      <div
        className={classes.rows}
        onPointerEnter={(event) => setPointed(event.pointerType === "mouse")}
        onPointerLeave={() => setPointed(false)}
      >
        {list.waiting > 0 ? (
          <Button
            className={classes.waiting}
            size="compact-xs"
            radius="xl"
            leftSection={<IconArrowUp size={14} />}
            onClick={() => setPointed(false)}
          >
            {t("list.waiting", { count: list.waiting })}
          </Button>
        ) : null}
        <Rows key={view} view={view} list={list} selectedId={selectedId} />
      </div>
    </section>
  );
}

function ViewTabs({ view }: { view: View }) {
  const t = useT();
  const counts = useCounts();
  return (
    <header className={classes.head}>
      <h1 className={classes.title}>{t("shell.inbox")}</h1>
      <nav className={classes.tabs} aria-label={t("list.views")}>
        {views.map((name) => (
          <Link
            key={name}
            to="/inbox/{-$view}/{-$conversationId}"
            params={{ view: name, conversationId: undefined }}
            className={classes.tab}
            data-chosen={name === view || undefined}
            aria-current={name === view ? "page" : undefined}
          >
            {t(`views.${name}`)}
            {counts[name] !== undefined ? (
              <span className={classes.count}>{t("common.number", { value: counts[name] })}</span>
            ) : null}
          </Link>
        ))}
      </nav>
    </header>
  );
}

function Rows({ view, list, selectedId }: { view: View; list: List; selectedId: string | undefined }) {
  const t = useT();
  const { agent } = useMe();
  const virtuoso = useRef<VirtuosoHandle>(null);
  const selectedAt = list.summaries.findIndex(({ id }) => id === selectedId);

  // Keeps the chosen row in sight when it was chosen by key; a row that moves by itself is not followed.
  const at = useRef(selectedAt);
  at.current = selectedAt;
  useEffect(() => {
    if (selectedId !== undefined && at.current >= 0) virtuoso.current?.scrollIntoView({ index: at.current });
  }, [selectedId]);

  if (list.summaries.length === 0) {
    if (list.error) return <ListFailure error={list.error} retry={list.retry} />;
    return list.loading ? <RowSkeletons /> : <EmptyView view={view} />;
  }
  return (
    <Virtuoso
      ref={virtuoso}
      className={classes.scroller}
      data={list.summaries}
      computeItemKey={(_, summary) => summary.id}
      fixedItemHeight={rowHeight}
      increaseViewportBy={400}
      endReached={list.loadMore}
      tabIndex={-1}
      itemContent={(_, summary) => (
        <ConversationRow
          summary={summary}
          view={view}
          selected={summary.id === selectedId}
          draft={
            summary.id !== selectedId &&
            readDraft(deviceStorage, { agentId: agent.id, conversationId: summary.id, kind: "text" }) !== ""
          }
        />
      )}
      components={{ Footer: ListFooter }}
      context={{ list, retryLabel: t("common.retry") }}
    />
  );
}

type FooterContext = { list: List; retryLabel: string };

function ListFooter({ context }: { context?: FooterContext }) {
  if (context?.list.loadingMore) {
    return (
      <div className={classes.more}>
        <Loader size="xs" />
      </div>
    );
  }
  if (!context?.list.error) return null;
  return (
    <div className={classes.more}>
      <Button size="compact-sm" variant="default" onClick={context.list.retry}>
        {context.retryLabel}
      </Button>
    </div>
  );
}

function ListFailure({ error, retry }: { error: unknown; retry: () => void }) {
  const t = useT();
  return (
    <Notice icon={<IconAlertTriangle size={22} />} title={t("list.failed")} text={errorText(t, error)}>
      <Button variant="default" onClick={retry}>
        {t("common.retry")}
      </Button>
    </Notice>
  );
}

const emptyIcons = { mine: IconUserCheck, unassigned: IconChecks, open: IconInbox, closed: IconMessageCircle };

function EmptyView({ view }: { view: View }) {
  const t = useT();
  const Icon = emptyIcons[view];
  return (
    <Notice icon={<Icon size={22} />} title={t(`empty.${view}.title`)} text={t(`empty.${view}.text`)}>
      {view === "open" ? (
        <>
          <Button component="a" href="/demo/" target="_blank" rel="noreferrer" variant="default">
            {t("empty.demo")}
          </Button>
          <Button component={Link} to="/settings/widget" variant="subtle">
            {t("empty.embed")}
          </Button>
        </>
      ) : view === "mine" ? (
        <Button component={Link} to="/inbox/unassigned" variant="default">
          {t("empty.seeUnassigned")}
        </Button>
      ) : null}
    </Notice>
  );
}

function RowSkeletons() {
  const t = useT();
  return (
    <div aria-busy aria-label={t("common.loading")} role="status">
      {Array.from({ length: 9 }, (_, at) => (
        <div key={at} className={classes.skeleton}>
          <Skeleton circle height={36} />
          <div>
            <Skeleton height={11} width={`${38 + ((at * 17) % 30)}%`} />
            <Skeleton height={10} width={`${60 + ((at * 23) % 35)}%`} mt={9} />
          </div>
        </div>
      ))}
    </div>
  );
}
