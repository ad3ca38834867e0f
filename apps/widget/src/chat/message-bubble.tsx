import { clockTime, exactTime } from "@presszero/ui";
import { Avatar } from "./avatar.tsx";
import { DeliveredIcon, SendingIcon, SentIcon, WarningIcon } from "./icons.tsx";
import { useLocale, type ChatMessageKey } from "./locale.ts";
import { MessageText } from "./message-text.tsx";
import type { MessageRow } from "./rows.ts";

/** Reasons with a text of their own; all others are "something went wrong". */
const reasons = [
  "EXPIRED",
  "TOO_LARGE",
  "VALIDATION",
  "NOT_FOUND",
  "FORBIDDEN",
  "CONSENT_REQUIRED",
  "CONVERSATION_CLOSED",
  "RATE_LIMITED",
] as const;

function reasonKey(reason: string | null): ChatMessageKey {
  const known = reasons.find((one) => one === reason);
  return known ? `notSent.${known}` : "notSent.other";
}

function Status({
  status,
  withText,
}: {
  status: "sending" | "sent" | "delivered" | "read" | "failed";
  withText: boolean;
}) {
  const { t } = useLocale();
  const Icon = {
    sending: SendingIcon,
    sent: SentIcon,
    delivered: DeliveredIcon,
    read: DeliveredIcon,
    failed: WarningIcon,
  }[status];
  const text = t(`status.${status}`);
  return (
    <span class={`status status-${status}`} title={text}>
      <span class={withText ? "" : "visually-hidden"}>{text}</span>
      <Icon />
    </span>
  );
}

export type BubbleProps = {
  row: MessageRow;
  /** Name of the author as the customer sees it. */
  author: string;
  /** The newest message of mine says its status in words as well. */
  newestOwn: boolean;
  onRetry: (clientId: string) => void;
  onDiscard: (clientId: string) => void;
};

export function MessageBubble({ row, author, newestOwn, onRetry, onDiscard }: BubbleProps) {
  const { t, tag } = useLocale();
  const { own, first, last, status, pending } = row;
  return (
    <li
      class={`message ${own ? "own" : "other"} ${first ? "first" : ""} ${last ? "last" : ""} ${status === "not_sent" ? "not-sent" : ""}`}
      data-key={row.key}
    >
      {first && !own ? (
        <span class="author" dir="auto">
          {author}
        </span>
      ) : (
        <span class="visually-hidden">{author}</span>
      )}
      {!own && last && <Avatar name={author} />}
      <div class="bubble" title={exactTime(row.at, tag)}>
        {row.change === "deleted" ? <em>{t("message.deleted")}</em> : <MessageText text={row.text} />}
      </div>
      {status === "not_sent" && pending ? (
        <div class="failure">
          <WarningIcon />
          <span>
            <strong>{t("notSent")}</strong> · {t(reasonKey(pending.reason))}
          </span>
          <span class="failure-actions">
            <button type="button" class="link" onClick={() => onRetry(pending.clientId)}>
              {t("notSent.retry")}
            </button>
            <button type="button" class="link" onClick={() => onDiscard(pending.clientId)}>
              {t("notSent.delete")}
            </button>
          </span>
        </div>
      ) : (
        <span class={last ? "meta" : "visually-hidden"}>
          <time dateTime={new Date(row.at).toISOString()}>{clockTime(row.at, tag)}</time>
          {row.change === "edited" && <span>{t("message.edited")}</span>}
          {own && status && status !== "not_sent" && <Status status={status} withText={newestOwn} />}
        </span>
      )}
    </li>
  );
}
