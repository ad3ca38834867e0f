import type { ReadonlySignal } from "@preact/signals";
import type { Author, ConversationId } from "@presszero/contracts";
import { hasOlder, thread, typingAuthors } from "@presszero/sdk";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Avatar } from "./avatar.tsx";
import type { ChatSession } from "./chat-session.ts";
import { Composer } from "./composer.tsx";
import { ConnectionBanner } from "./connection-banner.tsx";
import { EndConversation } from "./end-conversation.tsx";
import { BackIcon, CloseIcon, EndIcon } from "./icons.tsx";
import { useLocale } from "./locale.ts";
import { MessageList } from "./message-list.tsx";
import { NewMessages } from "./new-messages.tsx";
import { toRows } from "./rows.ts";

export type ConversationProps = {
  session: ChatSession;
  /** Null: one that the first message starts. */
  conversationId: ConversationId | null;
  /** False until the first list has come, when there is no telling whether a past conversation exists. */
  ready: boolean;
  attention: ReadonlySignal<boolean>;
  onBack?: () => void;
  onNew: () => void;
  onRestart: () => void;
  onClose?: () => void;
};

export function Conversation({
  session,
  conversationId,
  ready,
  attention,
  onBack,
  onNew,
  onRestart,
  onClose,
}: ConversationProps) {
  const { t } = useLocale();
  const { sync, settings } = session;
  const state = session.state.value;
  const company = settings.companyName;
  const record = conversationId === null ? undefined : state.conversations[conversationId];
  const [ending, setEnding] = useState(false);
  const [atEnd, setAtEnd] = useState(true);
  const endButton = useRef<HTMLButtonElement>(null);

  useEffect(() => (conversationId === null ? undefined : sync.open(conversationId)), [sync, conversationId]);

  const last = record?.last ?? 0;
  const unread = record?.summary.unread ?? 0;
  const isRead = attention.value && atEnd && last > 0 && unread > 0;
  useEffect(() => {
    if (isRead && conversationId !== null) sync.markRead(conversationId);
  }, [sync, conversationId, isRead, last]);

  const rows = useMemo(() => toRows(thread(state, conversationId)), [state, conversationId]);
  const nameOf = (author: Author | null) => (author?.type === "agent" ? author.name : null) ?? company;
  const loadOlder = useCallback(
    () => (conversationId === null ? Promise.resolve() : sync.loadOlder(conversationId)),
    [sync, conversationId],
  );
  const keepOpen = useCallback(() => {
    setEnding(false);
    endButton.current?.focus();
  }, []);
  const loading = conversationId === null ? !ready && rows.length === 0 : rows.length === 0 && !record?.synced;
  const known = ready || conversationId !== null;
  const gone = conversationId !== null && state.gone[conversationId] !== undefined;
  const open = record?.summary.status === "open";
  const agent = rows.findLast((row) => row.type === "message" && row.author?.type === "agent");
  const agentName = agent?.type === "message" ? nameOf(agent.author) : null;

  return (
    <main class="screen">
      <header class="bar">
        {onBack && (
          <button type="button" class="icon-button" aria-label={t("list.back")} title={t("list.back")} onClick={onBack}>
            <BackIcon />
          </button>
        )}
        <Avatar name={agentName ?? company} />
        <div class="bar-title">
          <h1 tabIndex={-1} data-autofocus={matchMedia("(pointer: fine)").matches ? undefined : ""}>
            {agentName ?? company}
          </h1>
          {agentName !== null && agentName !== company && <p>{company}</p>}
        </div>
        {open && !gone && (
          <button
            type="button"
            class="icon-button"
            ref={endButton}
            aria-label={t("end")}
            title={t("end")}
            onClick={() => setEnding(true)}
          >
            <EndIcon />
          </button>
        )}
        {onClose && (
          <button type="button" class="icon-button" aria-label={t("close")} title={t("close")} onClick={onClose}>
            <CloseIcon />
          </button>
        )}
      </header>
      <ConnectionBanner connection={state.connection} onRestart={onRestart} />
      {!session.remembered && <p class="banner calm">{t("storage.off")}</p>}
      {ending && conversationId !== null && (
        <EndConversation session={session} conversationId={conversationId} onDone={keepOpen} />
      )}
      {gone ? (
        <div class="empty">
          <p>{t("thread.gone")}</p>
          <button type="button" class="primary" onClick={onNew}>
            {t("list.new")}
          </button>
        </div>
      ) : loading ? (
        <div class="skeleton" role="status">
          <span class="visually-hidden">{t("loading")}</span>
          <i />
          <i class="own" />
          <i />
          <i class="own" />
        </div>
      ) : rows.length === 0 ? (
        <div class="empty">
          <Avatar name={company} />
          <h2>{t("thread.empty")}</h2>
          <p>{t("thread.emptyText")}</p>
        </div>
      ) : (
        <MessageList
          rows={rows}
          nameOf={nameOf}
          typing={conversationId === null ? [] : typingAuthors(state, conversationId)}
          hasOlder={conversationId !== null && hasOlder(state, conversationId)}
          loadOlder={loadOlder}
          onAtEnd={setAtEnd}
          onRetry={sync.retry}
          onDiscard={sync.discard}
        />
      )}
      <NewMessages rows={rows} nameOf={nameOf} />
      {record?.summary.status === "closed" && !gone && (
        <p class="closed">
          <span>{t("closed.text")}</span>{" "}
          <button type="button" class="link" onClick={onNew}>
            {t("closed.new")}
          </button>
        </p>
      )}
      {!gone && (
        <Composer
          company={company}
          place={known ? (conversationId ?? "new") : null}
          draft={known ? session.drafts.read(conversationId) : ""}
          onDraft={(text) => known && session.drafts.write(conversationId, text)}
          onTyping={(on) => conversationId !== null && sync.typing(conversationId, on)}
          onSend={(text) => sync.send(conversationId, { kind: "text", text })}
        />
      )}
    </main>
  );
}
