import type { MessageTrace } from "@presszero/contracts";
import { clockTime } from "@presszero/ui";
import { IconBolt } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useT } from "../i18n.ts";
import { useFormatLocale } from "../preferences.ts";
import { Moment, Name, Step, type Tone } from "./trace-parts.tsx";
import classes from "./trace.module.css";

type ConsumerTrace = MessageTrace["consumers"][number];

/** What reacted to the message, or still has to; what gave up comes with the reason and the way to try again. */
export function TraceConsumers({ consumers }: { consumers: readonly ConsumerTrace[] }) {
  const t = useT();
  const locale = useFormatLocale();
  const has = (state: ConsumerTrace["state"]) => consumers.some((one) => one.state === state);
  const tone: Tone = has("parked") ? "failed" : consumers.every(({ state }) => state === "done") ? "done" : "waiting";
  return (
    <Step icon={<IconBolt size={16} />} tone={tone} title={t("trace.consumers")}>
      <ul className={classes.rows}>
        {consumers.map((one) => (
          <li key={one.name} className={classes.row}>
            <Name>{one.name}</Name>
            <span className={classes.sub} data-tone={one.state === "parked" ? "failed" : undefined}>
              {t(`trace.consumer.${one.state}`, { count: one.attempts })}{" "}
              {one.at === null ? null : one.state === "retrying" ? (
                t("trace.nextTry", { when: clockTime(one.at, locale) })
              ) : (
                <Moment at={one.at} />
              )}
            </span>
            {one.reason ? (
              <span className={classes.reason} dir="auto">
                {one.reason}
              </span>
            ) : null}
          </li>
        ))}
      </ul>
      {has("parked") ? (
        <Link to="/settings/{-$section}" params={{ section: "parked-events" }}>
          {t("trace.toParked")}
        </Link>
      ) : null}
    </Step>
  );
}
