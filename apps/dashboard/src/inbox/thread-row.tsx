import { Button, Loader, Tooltip } from "@mantine/core";
import type { ConversationEvent, Message } from "@presszero/contracts";
import type { OutboxItem, ThreadItem } from "@presszero/sdk";
import { clockTime, dayLabel, exactTime, linkify } from "@presszero/ui";
import { IconAlertCircle, IconCheck, IconChecks, IconNote } from "@tabler/icons-react";
import { memo } from "react";
import { useNow } from "../clock.ts";
import { useSync } from "../conversations.tsx";
import { useT, type T } from "../i18n.ts";
import { authorName, Avatar } from "../person.tsx";
import { useFormatLocale } from "../preferences.ts";
import { useMe } from "../session.ts";
import { MessageMenu, type OpenTrace } from "./message-menu.tsx";
import type { ThreadRow as Row } from "./thread-rows.ts";
import classes from "./thread-row.module.css";

type RowProps = {
  row: Row;
  /** It holds the one menu that the Tab key reaches. */
  isNewest: boolean;
  onTrace: OpenTrace;
};

/** One row: the lines above it, and a message, a pending message or an event. */
export const ThreadRow = memo(function ThreadRow({ row, isNewest, onTrace }: RowProps) {
  return (
    <div className={classes.column}>
      {row.startsDay ? <DayLine at={row.at} /> : null}
      {row.startsNew ? <NewLine /> : null}
      {row.item.type === "event" ? (
        <EventLine event={row.item.event} at={row.at} />
      ) : (
        <MessageRow row={row} item={row.item} isNewest={isNewest} onTrace={onTrace} />
      )}
    </div>
  );
});

function DayLine({ at }: { at: number }) {
  const locale = useFormatLocale();
  const now = useNow();
  return (
    <div className={classes.day} role="separator">
      <span>{dayLabel(at, now, locale)}</span>
    </div>
  );
}

function NewLine() {
  const t = useT();
  return (
    <div className={classes.new} role="separator">
      <span>{t("thread.new")}</span>
    </div>
  );
}

/** Names also the reader: "by you" has no form that fits all three sentences in every language. */
function eventText(t: T, event: Extract<ThreadItem, { type: "event" }>["event"]): string {
  const by = authorName(t, event.by);
  if (event.kind !== "conversation.assigned") {
    const keys = {
      "conversation.started": "thread.event.started",
      "conversation.closed": "thread.event.closed",
      "conversation.reopened": "thread.event.reopened",
    } as const satisfies Partial<Record<ConversationEvent["kind"], string>>;
    return t(keys[event.kind], { by });
  }
  const { assignee } = event.data;
  if (!assignee) return t("thread.event.unassigned", { by });
  if (assignee.id === event.by.id) return t("thread.event.took", { by });
  return t("thread.event.assigned", { by, assignee: assignee.name });
}

function EventLine({ event, at }: { event: Extract<ThreadItem, { type: "event" }>["event"]; at: number }) {
  const t = useT();
  const locale = useFormatLocale();
  return (
    <p className={classes.event} title={exactTime(at, locale)}>
      <span dir="auto">{eventText(t, event)}</span> · <time dateTime={event.at}>{clockTime(at, locale)}</time>
    </p>
  );
}

/** What is drawn alike of a confirmed and a pending message. */
type Face = Pick<Message, "kind" | "text" | "author" | "createdBy">;

function MessageRow({ row, item, isNewest, onTrace }: RowProps & { item: Exclude<ThreadItem, { type: "event" }> }) {
  const t = useT();
  const locale = useFormatLocale();
  const { agent } = useMe();
  const face: Face =
    item.type === "message"
      ? item.message
      : { ...item.item.message, createdBy: "system", author: { type: "agent", id: agent.id, name: agent.name } };
  const side = face.createdBy === "user" ? "customer" : "business";
  const note = face.kind === "note";
  const own = face.author.id === agent.id;
  const notSent = item.type === "pending" && item.status === "not_sent";
  const isDeleted = item.type === "message" && item.message.deletedAt !== null;
  const isEdited = item.type === "message" && item.message.editedAt !== null && !isDeleted;

  return (
    <article
      className={classes.message}
      data-side={side}
      data-note={note || undefined}
      data-starts={row.startsGroup || undefined}
    >
      <span className={classes.avatar}>
        {row.startsGroup ? (
          <Avatar id={face.author.id} name={face.author.name} type={face.author.type} size={28} />
        ) : null}
      </span>
      <div className={classes.body}>
        {row.startsGroup ? (
          <header className={classes.author}>
            {note ? <IconNote size={14} /> : null}
            <span dir="auto">{own ? t("thread.you") : authorName(t, face.author)}</span>
            {note ? <span className={classes.noteTag}>{t("thread.noteTag")}</span> : null}
          </header>
        ) : null}
        <div className={classes.line}>
          <div
            className={classes.bubble}
            dir="auto"
            title={exactTime(row.at, locale)}
            data-not-sent={notSent || undefined}
          >
            {isDeleted ? <em>{t("thread.deleted")}</em> : <LinkedText text={face.text} />}
          </div>
          {item.type === "message" && !isDeleted ? (
            <MessageMenu message={item.message} inTabOrder={isNewest} onTrace={onTrace} />
          ) : null}
        </div>
        {row.endsGroup || item.type === "pending" ? (
          <footer className={classes.foot}>
            <time dateTime={new Date(row.at).toISOString()}>{clockTime(row.at, locale)}</time>
            {isEdited ? <span>{t("thread.edited")}</span> : null}
            {notSent ? null : <Tick item={item} />}
          </footer>
        ) : null}
        {notSent ? <NotSent item={item.item} /> : null}
      </div>
    </article>
  );
}

function LinkedText({ text }: { text: string }) {
  return linkify(text).map((part, at) =>
    part.type === "text" ? (
      part.text
    ) : (
      <a key={at} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
        {part.text}
      </a>
    ),
  );
}

/** How far a message of our side has come. Shape tells as much as colour. */
function Tick({ item }: { item: Exclude<ThreadItem, { type: "event" }> }) {
  const t = useT();
  const { status } = item;
  if (status === null || status === "not_sent") return null;
  if (status === "sending") {
    return (
      <span className={classes.tick}>
        <Loader size={10} /> {t("thread.status.sending")}
      </span>
    );
  }
  if (status === "failed") {
    return (
      <span className={classes.failed}>
        <IconAlertCircle size={14} /> {t("thread.status.failed")}
      </span>
    );
  }
  const Icon = status === "sent" ? IconCheck : IconChecks;
  return (
    <Tooltip label={t(`thread.status.${status}`)}>
      <span className={classes.tick} data-status={status} role="img" aria-label={t(`thread.status.${status}`)}>
        <Icon size={15} />
      </span>
    </Tooltip>
  );
}

function NotSent({ item }: { item: OutboxItem }) {
  const t = useT();
  const sync = useSync();
  return (
    <div className={classes.notSent} role="alert">
      <IconAlertCircle size={14} />
      <span>
        {t("thread.notSent")} {item.reason ? t(`errors.${item.reason}`) : null}
      </span>
      <Button size="compact-xs" variant="subtle" onClick={() => sync.retry(item.clientId)}>
        {t("common.retry")}
      </Button>
      <Button size="compact-xs" variant="subtle" color="red" onClick={() => sync.discard(item.clientId)}>
        {t("common.delete")}
      </Button>
    </div>
  );
}
