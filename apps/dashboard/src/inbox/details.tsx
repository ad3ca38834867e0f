import { Button, Skeleton } from "@mantine/core";
import type { AgentId, ContactId } from "@presszero/contracts";
import type { Summary } from "@presszero/sdk";
import { exactTime, relativeTime } from "@presszero/ui";
import { IconCircleCheck, IconCircleDot, IconShieldQuestion } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { api } from "../api.ts";
import { useNow } from "../clock.ts";
import { errorText } from "../errors.ts";
import { useT } from "../i18n.ts";
import { Avatar, customerName } from "../person.tsx";
import { useFormatLocale } from "../preferences.ts";
import { AssignMenu } from "./assign-menu.tsx";
import classes from "./details.module.css";

type DetailsProps = {
  summary: Summary;
  onAssign: (agentId: AgentId | null) => void;
};

/** Who the customer is, where the conversation stands, and what there was before. */
export function Details({ summary, onAssign }: DetailsProps) {
  const t = useT();
  const locale = useFormatLocale();
  const { contact } = summary;
  const open = summary.status === "open";

  return (
    <div className={classes.details}>
      <div className={classes.who}>
        <Avatar id={contact?.id ?? summary.id} name={contact?.name ?? null} size={48} />
        <h2 dir="auto">{customerName(t, summary)}</h2>
        {contact?.email ? (
          <a href={`mailto:${contact.email}`} className={classes.email}>
            {contact.email}
          </a>
        ) : null}
        <span className={classes.verified}>
          <IconShieldQuestion size={14} /> {t("details.notVerified")}
        </span>
      </div>

      <dl className={classes.facts}>
        <Fact label={t("details.assignee")}>
          <AssignMenu assignee={summary.assignee} onAssign={onAssign} />
        </Fact>
        <Fact label={t("details.status")}>
          <span className={classes.status} data-open={open || undefined}>
            {open ? <IconCircleDot size={15} /> : <IconCircleCheck size={15} />}{" "}
            {t(open ? "status.open" : "status.closed")}
          </span>
        </Fact>
        <Fact label={t("details.channel")}>{t(`channels.${summary.channel}`)}</Fact>
        <Fact label={t("details.started")}>
          <time dateTime={summary.startedAt}>{exactTime(summary.startedAt, locale)}</time>
        </Fact>
      </dl>

      {contact ? <Past contactId={contact.id} summary={summary} /> : null}
    </div>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Past({ contactId, summary }: { contactId: ContactId; summary: Summary }) {
  const t = useT();
  const locale = useFormatLocale();
  const now = useNow();
  const past = useQuery({
    queryKey: ["conversations", "of", contactId],
    queryFn: () => api("GET /v1/conversations", { query: { contactId, limit: 20 } }),
  });
  const others = past.data?.items.filter(({ id }) => id !== summary.id) ?? [];

  return (
    <section className={classes.past} aria-label={t("details.past")}>
      <h3>{t("details.past")}</h3>
      {past.isPending ? <Skeleton height={44} /> : null}
      {past.error ? (
        <p className={classes.quiet}>
          {errorText(t, past.error)}{" "}
          <Button size="compact-xs" variant="subtle" onClick={() => void past.refetch()}>
            {t("common.retry")}
          </Button>
        </p>
      ) : null}
      {past.data && others.length === 0 ? <p className={classes.quiet}>{t("details.noPast")}</p> : null}
      {others.map((other) => (
        <Link
          key={other.id}
          to="/inbox/{-$view}/{-$conversationId}"
          params={{ view: other.status, conversationId: other.id }}
          className={classes.other}
        >
          <span className={classes.otherText} dir="auto">
            {other.preview?.text ?? t("list.noMessages")}
          </span>
          <span className={classes.quiet}>
            {t(`status.${other.status}`)} · {relativeTime(other.activityAt, now, locale)}
          </span>
        </Link>
      ))}
    </section>
  );
}
