import { ActionIcon, Button, Drawer, Tooltip } from "@mantine/core";
import type { AgentId, ConversationId } from "@presszero/contracts";
import type { Summary } from "@presszero/sdk";
import { IconArrowLeft, IconCheck, IconLayoutSidebarRight, IconRotate } from "@tabler/icons-react";
import { useEffect, useState, type Ref } from "react";
import { useSync, useSyncState } from "../conversations.tsx";
import { useT } from "../i18n.ts";
import { Avatar, customerName } from "../person.tsx";
import { setPreference, usePreference } from "../preferences.ts";
import { useMay } from "../session.ts";
import { Notice } from "../shell/notice.tsx";
import { useConversationActions } from "./actions.tsx";
import { AssignMenu } from "./assign-menu.tsx";
import { Composer, type ComposerHandle } from "./composer.tsx";
import { Details } from "./details.tsx";
import classes from "./inbox.module.css";
import type { Room } from "./room.ts";
import { Thread } from "./thread.tsx";

type PaneProps = {
  conversationId: ConversationId;
  room: Room;
  composer: Ref<ComposerHandle>;
  /** Raised by one each time a key asks for the menu. */
  assignAsked: number;
  /** Closes the conversation and goes on to the next. */
  onClose: () => void;
  /** Goes on to the next, after send-and-close. */
  onClosed: () => void;
  onBack: () => void;
};

/** An open conversation: its head, messages and composer, and the details beside it or in a drawer. */
export default function ConversationPane({
  conversationId,
  room,
  composer,
  assignAsked,
  onClose,
  onClosed,
  onBack,
}: PaneProps) {
  const t = useT();
  const sync = useSync();
  const detailsPreference = usePreference("details");
  const [drawer, setDrawer] = useState(false);
  const { reopen, assign } = useConversationActions();
  const summary = useSyncState((state) => state.conversations[conversationId]?.summary);

  useEffect(() => sync.open(conversationId), [sync, conversationId]);

  const actions = {
    onAssign: (agentId: AgentId | null) => void assign(conversationId, agentId),
    onClose,
    onReopen: () => void reopen(conversationId),
  };
  const beside = room === "three" && detailsPreference === "shown";
  const toggleDetails = () =>
    room === "three" ? setPreference("details", beside ? "hidden" : "shown") : setDrawer(true);

  return (
    <>
      <section className={classes.pane} aria-label={t("thread.pane")}>
        {summary ? (
          <ThreadHeader
            summary={summary}
            assignAsked={assignAsked}
            onBack={room === "one" ? onBack : undefined}
            detailsShown={beside || drawer}
            onToggleDetails={toggleDetails}
            {...actions}
          />
        ) : (
          <header className={classes.header} />
        )}
        <ThreadOrGone conversationId={conversationId} onBack={onBack} />
        {summary ? (
          <Composer
            key={conversationId}
            ref={composer}
            summary={summary}
            onReopen={actions.onReopen}
            onClosed={onClosed}
            onEscape={() => (document.activeElement as HTMLElement | null)?.blur()}
          />
        ) : null}
      </section>
      {beside && summary ? (
        <aside className={classes.details} aria-label={t("details.title")}>
          <Details summary={summary} onAssign={actions.onAssign} />
        </aside>
      ) : null}
      <Drawer
        opened={drawer && room !== "three" && summary !== undefined}
        onClose={() => setDrawer(false)}
        position="right"
        size={340}
        title={t("details.title")}
        closeButtonProps={{ "aria-label": t("common.close") }}
      >
        {summary ? <Details summary={summary} onAssign={actions.onAssign} /> : null}
      </Drawer>
    </>
  );
}

/** An address that was cut off or mistyped names no conversation. */
const idShape = /^cnv_[0-9a-z]{26}$/;

function ThreadOrGone({ conversationId, onBack }: { conversationId: ConversationId; onBack: () => void }) {
  const t = useT();
  const gone = useSyncState((state) => state.gone[conversationId]);
  if (!gone && idShape.test(conversationId)) return <Thread key={conversationId} conversationId={conversationId} />;
  return (
    <Notice title={t("thread.goneTitle")} text={t("thread.goneText")}>
      <Button variant="default" onClick={onBack}>
        {t("thread.backToList")}
      </Button>
    </Notice>
  );
}

type HeaderProps = {
  summary: Summary;
  assignAsked: number;
  onBack: (() => void) | undefined;
  detailsShown: boolean;
  onToggleDetails: () => void;
  onAssign: (agentId: AgentId | null) => void;
  onClose: () => void;
  onReopen: () => void;
};

function ThreadHeader({
  summary,
  assignAsked,
  onBack,
  detailsShown,
  onToggleDetails,
  onAssign,
  onClose,
  onReopen,
}: HeaderProps) {
  const t = useT();
  const mayClose = useMay("conversations.close");
  const open = summary.status === "open";
  return (
    <header className={classes.header}>
      {onBack ? (
        <ActionIcon onClick={onBack} aria-label={t("thread.backToList")}>
          <IconArrowLeft size={20} className={classes.mirrored} />
        </ActionIcon>
      ) : null}
      <Avatar id={summary.contact?.id ?? summary.id} name={summary.contact?.name ?? null} size={28} />
      <h2 className={classes.name} dir="auto">
        {customerName(t, summary)}
      </h2>
      <AssignMenu assignee={summary.assignee} opened={assignAsked} compact={onBack !== undefined} onAssign={onAssign} />
      {mayClose ? (
        <Button
          size="compact-md"
          className={classes.headerButton}
          variant="default"
          onClick={open ? onClose : onReopen}
        >
          {open ? <IconCheck size={16} /> : <IconRotate size={16} />}
          <span className={classes.headerLabel}>{t(open ? "actions.close" : "actions.reopen")}</span>
        </Button>
      ) : null}
      <Tooltip label={t("details.toggle")}>
        <ActionIcon onClick={onToggleDetails} aria-label={t("details.toggle")} aria-pressed={detailsShown}>
          <IconLayoutSidebarRight size={18} className={classes.mirrored} />
        </ActionIcon>
      </Tooltip>
    </header>
  );
}
