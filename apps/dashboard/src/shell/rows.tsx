import { Button, Skeleton } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { errorText } from "../errors.ts";
import { useT } from "../i18n.ts";
import classes from "./rows.module.css";

/** A bordered list of what a query answered, with its loading, failed and empty states. */
export function Rows<Item>({
  query,
  empty,
  children,
}: {
  query: UseQueryResult<Item[]>;
  empty: string;
  children: (item: Item) => ReactNode;
}) {
  const t = useT();
  if (query.isPending) {
    return (
      <div className={classes.rows} role="status" aria-busy aria-label={t("common.loading")}>
        {[0, 1, 2].map((at) => (
          <div key={at} className={classes.row}>
            <Skeleton height={12} width={`${55 - at * 9}%`} />
          </div>
        ))}
      </div>
    );
  }
  if (query.error) {
    return (
      <div className={classes.empty} role="alert">
        {errorText(t, query.error)}
        <Button size="compact-sm" variant="default" onClick={() => void query.refetch()}>
          {t("common.retry")}
        </Button>
      </div>
    );
  }
  if (query.data.length === 0) return <p className={classes.empty}>{empty}</p>;
  return <ul className={classes.rows}>{query.data.map(children)}</ul>;
}

/** One entry: what it is, a line about it, and what can be done with it. */
export function Row({
  lead,
  title,
  text,
  children,
}: {
  lead?: ReactNode;
  title: ReactNode;
  text?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <li className={classes.row}>
      {lead}
      <div className={classes.main}>
        <div className={classes.title} dir="auto">
          {title}
        </div>
        {text ? (
          <div className={classes.text} dir="auto">
            {text}
          </div>
        ) : null}
      </div>
      {children ? <div className={classes.actions}>{children}</div> : null}
    </li>
  );
}
