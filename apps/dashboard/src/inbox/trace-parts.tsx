import { duration, momentTime, relativeTime } from "@presszero/ui";
import { createContext, useContext, type ReactNode } from "react";
import { useNow } from "../clock.ts";
import { useFormatLocale } from "../preferences.ts";
import classes from "./trace.module.css";

/** The moment from which the others are counted: that of the commit. */
export const TimesSince = createContext<string | null>(null);

/** So long after the commit a moment is told as "+38 ms", later as it stands to now. */
const countedMs = 60_000;

/** A moment: how long after the commit, or how long ago; the whole of it on hover. */
export function Moment({ at }: { at: string }) {
  const locale = useFormatLocale();
  const now = useNow();
  const since = useContext(TimesSince);
  const after = since === null ? 0 : Date.parse(at) - Date.parse(since);
  const isCounted = after > 0 && after < countedMs;
  return (
    <time className={classes.moment} dateTime={at} title={momentTime(at, locale)}>
      {isCounted ? <bdi>{`+${duration(after, locale)}`}</bdi> : relativeTime(at, now, locale)}
    </time>
  );
}

export type Tone = "done" | "waiting" | "unknown" | "failed";

/** One station. Its icon and the words tell what its colour tells. */
export function Step({
  icon,
  tone,
  title,
  at,
  children,
}: {
  icon: ReactNode;
  tone: Tone;
  title: string;
  at?: string | null;
  children: ReactNode;
}) {
  return (
    <li className={classes.step} data-tone={tone}>
      <span className={classes.marker} aria-hidden>
        {icon}
      </span>
      <div className={classes.body}>
        <h3 className={classes.title}>
          {title}
          {at ? <Moment at={at} /> : null}
        </h3>
        {children}
      </div>
    </li>
  );
}

/** Names of the machinery: the same in every language, read from left to right. */
export function Name({ children }: { children: string }) {
  return (
    <bdi className={classes.name} dir="ltr">
      {children}
    </bdi>
  );
}

export function Unknown({ children }: { children: ReactNode }) {
  return <span className={classes.unknown}>{children}</span>;
}
