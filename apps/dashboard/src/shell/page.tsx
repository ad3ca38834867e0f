import type { ReactNode } from "react";
import classes from "./page.module.css";

/** A page of the app that is no inbox: a heading, what it is for, and its sections below each other. */
export function Page({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={classes.page}>
      <div className={classes.column}>
        <h1>{title}</h1>
        {children}
      </div>
    </div>
  );
}

export function Section({
  title,
  lead,
  action,
  children,
}: {
  title: string;
  lead?: string;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className={classes.section}>
      <header className={classes.head}>
        <div>
          <h2>{title}</h2>
          {lead ? <p className={classes.lead}>{lead}</p> : null}
        </div>
        {action}
      </header>
      {children}
    </section>
  );
}
