import { useEffect, type ReactNode } from "react";
import { LanguageSelect } from "../shell/language-select.tsx";
import classes from "./access-page.module.css";

/** The frame of the screens outside the app: sign-in, first setup, invitation. */
export function AccessPage({ title, lead, children }: { title: string; lead?: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Press Zero`;
  }, [title]);
  return (
    <main className={classes.page}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <img src="/favicon.svg" alt="" width={28} height={28} />
          <span>Press Zero</span>
        </div>
        <h1>{title}</h1>
        {lead ? <p className={classes.lead}>{lead}</p> : null}
        {children}
      </div>
      <LanguageSelect />
    </main>
  );
}
