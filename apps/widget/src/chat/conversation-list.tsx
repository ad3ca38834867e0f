import type { ConversationId } from "@presszero/contracts";
import { exactTime, relativeTime } from "@presszero/ui";
import { listConversations } from "@presszero/sdk";
import { useEffect, useState } from "preact/hooks";
import { Avatar } from "./avatar.tsx";
import type { ChatSession } from "./chat-session.ts";
import { CloseIcon, NewIcon } from "./icons.tsx";
import { useLocale } from "./locale.ts";

export type ConversationListProps = {
  session: ChatSession;
  /** Cursor of the next page of the list, null at its end. */
  next: string | null;
  onMore: () => Promise<void>;
  onPick: (conversationId: ConversationId | null) => void;
  onClose?: () => void;
};

export function ConversationList({ session, next, onMore, onPick, onClose }: ConversationListProps) {
  const { t, tag } = useLocale();
  const [loading, setLoading] = useState(false);
  const [now, setNow] = useState(Date.now);
  const company = session.settings.companyName;
  const conversations = listConversations(session.state.value);

  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);

  return (
    <main class="screen">
      <header class="bar">
        <h1 tabIndex={-1} data-autofocus="">
          {t("list.title")}
        </h1>
        {onClose && (
          <button type="button" class="icon-button" aria-label={t("close")} title={t("close")} onClick={onClose}>
            <CloseIcon />
          </button>
        )}
      </header>
      <div class="list-scroller">
        {conversations.length === 0 && <p class="list-empty">{t("list.empty")}</p>}
        <ul class="list">
          {conversations.map(({ id, preview, activityAt, unread, status }) => {
            const own = preview?.by.type === "contact";
            const name = (own ? null : preview?.by.name) ?? company;
            return (
              <li key={id}>
                <button type="button" class={`list-row ${unread > 0 ? "unread" : ""}`} onClick={() => onPick(id)}>
                  <Avatar name={name} />
                  <span class="list-main">
                    <span class="list-name">{name}</span>
                    <span class="list-preview">{own ? t("list.you", { text: preview.text }) : preview?.text}</span>
                  </span>
                  <span class="list-side">
                    <time dateTime={activityAt} title={exactTime(activityAt, tag)}>
                      {relativeTime(activityAt, now, tag)}
                    </time>
                    {unread > 0 ? (
                      <span class="count">
                        <span aria-hidden="true">{unread.toLocaleString(tag)}</span>
                        <span class="visually-hidden">{t("list.unread", { count: unread })}</span>
                      </span>
                    ) : (
                      status === "closed" && <span class="tag">{t("list.ended")}</span>
                    )}
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
        {next !== null && (
          <button
            type="button"
            class="link list-more"
            aria-disabled={loading}
            onClick={() => {
              if (loading) return;
              setLoading(true);
              void onMore().finally(() => setLoading(false));
            }}
          >
            {t("list.more")}
          </button>
        )}
      </div>
      <div class="list-foot">
        <button type="button" class="primary" onClick={() => onPick(null)}>
          <NewIcon />
          {t("list.new")}
        </button>
      </div>
    </main>
  );
}
