import type { Summary } from "@presszero/sdk";
import { exactTime, relativeTime } from "@presszero/ui";
import { IconCornerUpLeft, IconNote } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useNow } from "../clock.ts";
import { useT } from "../i18n.ts";
import { authorName, Avatar, customerName } from "../person.tsx";
import { useFormatLocale } from "../preferences.ts";
import type { View } from "./views.ts";
import { useMe } from "../session.ts";
import classes from "./conversation-row.module.css";

type RowProps = { summary: Summary; view: View; selected: boolean; draft: boolean };

/** Two lines: who and when; what was said last and how much is unread. */
export const ConversationRow = memo(function ConversationRow({ summary, view, selected, draft }: RowProps) {
  const t = useT();
  const locale = useFormatLocale();
  const now = useNow();
  const { agent } = useMe();
  const { preview, contact } = summary;
  const name = customerName(t, summary);
  const unread = summary.unread;

  return (
    <Link
      to="/inbox/{-$view}/{-$conversationId}"
      params={{ view, conversationId: summary.id }}
      className={classes.row}
      data-selected={selected || undefined}
      data-unread={unread > 0 || undefined}
      data-closed={summary.status === "closed" || undefined}
      aria-current={selected ? "true" : undefined}
      draggable={false}
      preload={false}
    >
      <Avatar id={contact?.id ?? summary.id} name={contact?.name ?? null} size={36} />
      <span className={classes.lines}>
        <span className={classes.line}>
          <span className={classes.name} dir="auto">
            {name}
          </span>
          <time className={classes.time} dateTime={summary.activityAt} title={exactTime(summary.activityAt, locale)}>
            {relativeTime(summary.activityAt, now, locale)}
          </time>
        </span>
        <span className={classes.line}>
          {preview && preview.by.type !== "contact" ? (
            preview.kind === "note" ? (
              <IconNote
                size={14}
                className={classes.mark}
                data-kind="note"
                aria-label={t("list.note", { name: authorName(t, preview.by) })}
                role="img"
              />
            ) : (
              <IconCornerUpLeft
                size={14}
                className={classes.mark}
                role="img"
                aria-label={
                  preview.by.id === agent.id ? t("list.byYou") : t("list.by", { name: authorName(t, preview.by) })
                }
              />
            )
          ) : null}
          <span className={classes.preview} dir="auto">
            {draft ? <em className={classes.draft}>{t("list.draft")} </em> : null}
            {preview ? preview.text : t("list.noMessages")}
          </span>
          {unread > 0 ? (
            <span className={classes.unread} aria-label={t("list.unread", { count: unread })}>
              {new Intl.NumberFormat(locale).format(unread)}
            </span>
          ) : null}
          {summary.assignee && view !== "mine" ? (
            <span className={classes.assignee} title={t("list.assignedTo", { name: summary.assignee.name })}>
              <Avatar id={summary.assignee.id} name={summary.assignee.name} type="agent" size={18} />
            </span>
          ) : null}
        </span>
      </span>
    </Link>
  );
});
