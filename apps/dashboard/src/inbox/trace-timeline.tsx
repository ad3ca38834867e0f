import type { MessageTrace } from "@presszero/contracts";
import { duration } from "@presszero/ui";
import { IconBroadcast, IconChecks, IconDatabase, IconDeviceMobile, IconInbox } from "@tabler/icons-react";
import { useT, type T } from "../i18n.ts";
import { authorName, Avatar } from "../person.tsx";
import { useFormatLocale } from "../preferences.ts";
import { traceAnswer } from "./trace-answer.ts";
import { TraceConsumers } from "./trace-consumers.tsx";
import { Moment, Name, Step, TimesSince, Unknown } from "./trace-parts.tsx";
import classes from "./trace.module.css";

/** The answer first, then what happened to the message, from the top down. What nobody knows any more is said to be unknown. */
export function TraceTimeline({ trace }: { trace: MessageTrace }) {
  const t = useT();
  return (
    <TimesSince.Provider value={trace.stored.at}>
      <Answer trace={trace} />
      <ol className={classes.steps}>
        <Received trace={trace} />
        <Stored trace={trace} />
        <PassedOn trace={trace} />
        <Reached trace={trace} />
        <Read trace={trace} />
        {trace.consumers.length > 0 ? <TraceConsumers consumers={trace.consumers} /> : null}
      </ol>
      <p className={classes.small}>{t("trace.clocks")}</p>
    </TimesSince.Provider>
  );
}

function Answer({ trace }: { trace: MessageTrace }) {
  const t = useT();
  const { kind, who, count } = traceAnswer(trace);
  const name = who ? authorName(t, who) : "";
  return (
    <div className={classes.answer} data-tone={kind.startsWith("notWith") ? "waiting" : "done"}>
      <Avatar id={trace.author.id} name={trace.author.name} type={trace.author.type} size={36} />
      <div>
        <p className={classes.sentence} dir="auto" aria-live="polite">
          {t(`trace.answer.${kind}`, { count, name })}
        </p>
        <p className={classes.small}>
          <span dir="auto">
            {t(trace.kind === "note" ? "trace.noteBy" : "trace.messageBy", { name: authorName(t, trace.author) })}
          </span>{" "}
          · <Moment at={trace.stored.at} />
        </p>
      </div>
    </div>
  );
}

function Received({ trace }: { trace: MessageTrace }) {
  const t = useT();
  const { via, device, by } = trace.received;
  return (
    <Step icon={<IconInbox size={16} />} tone="done" title={t("trace.received")} at={by?.at}>
      <p>{t(`trace.via.${via}`, { device: deviceEnd(device ?? "") })}</p>
      {by ? (
        <p>
          {t(`trace.takenBy.${by.over}`)} <Name>{by.process}</Name>
        </p>
      ) : (
        <Unknown>{t("trace.takenByUnknown")}</Unknown>
      )}
      <Repeats trace={trace} />
    </Step>
  );
}

function Repeats({ trace: { repeats, stored } }: { trace: MessageTrace }) {
  const t = useT();
  if (repeats.lastAt !== null) {
    return (
      <p>
        {t("trace.repeats", { count: repeats.count })} <Moment at={repeats.lastAt} />
      </p>
    );
  }
  // Only who remembers the whole time can say that there was none.
  if (repeats.since > stored.at) return <Unknown>{t("trace.repeatsUnknown")}</Unknown>;
  return <p>{t("trace.noRepeats")}</p>;
}

function Stored({ trace: { seq, stored, received } }: { trace: MessageTrace }) {
  const t = useT();
  const locale = useFormatLocale();
  const others = stored.messagesInTransaction - 1;
  return (
    <Step icon={<IconDatabase size={16} />} tone="done" title={t("trace.stored")}>
      <p>
        {t("trace.number", { value: seq })}
        {received.by ? <> · {t("trace.commitTook", { time: duration(received.by.committedAfterMs, locale) })}</> : null}
      </p>
      <p>
        {t("trace.transaction")} <Name>{stored.transaction}</Name>
        {others > 0 ? <> · {t("trace.withOthers", { count: others })}</> : null}
      </p>
      {stored.belowHorizon ? null : <p>{t("trace.aboveHorizon")}</p>}
    </Step>
  );
}

function PassedOn({ trace: { processes } }: { trace: MessageTrace }) {
  const t = useT();
  const passed = processes.filter((one) => one.passed !== null);
  const isKnown = processes.every(({ state }) => state === "knows");
  const last = passed
    .map((one) => one.passed!.at)
    .sort()
    .at(-1);
  return (
    <Step
      icon={<IconBroadcast size={16} />}
      tone={passed.length > 0 ? "done" : isKnown ? "waiting" : "unknown"}
      title={t("trace.passed")}
      at={last}
    >
      <ul className={classes.rows}>
        {processes.map((one) => (
          <li key={one.process} className={classes.row}>
            {processes.length > 1 ? <Name>{one.process}</Name> : null}
            <PassedBy one={one} />
          </li>
        ))}
      </ul>
      <p className={classes.small}>{t("trace.passedNote")}</p>
    </Step>
  );
}

function PassedBy({ one: { state, passed } }: { one: MessageTrace["processes"][number] }) {
  const t = useT();
  if (state === "silent") return <Unknown>{t("trace.silent")}</Unknown>;
  if (!passed && state === "knows_in_part") return <Unknown>{t("trace.forgotten")}</Unknown>;
  if (!passed) return <span>{t("trace.toNobody")}</span>;
  const parts = [
    passed.customers > 0 ? t("trace.toCustomers", { count: passed.customers }) : null,
    passed.staff > 0 ? t("trace.toStaff", { count: passed.staff }) : null,
  ].filter((part) => part !== null);
  return <span>{parts.join(" · ")}</span>;
}

/** The end of a device's id: read from left to right in every language. */
const deviceEnd = (end: string) => `\u2066…${end}\u2069`;

type Reader = MessageTrace["readers"][number];

function readerName(t: T, { reader }: Reader, authorId: string): string {
  const name = authorName(t, reader);
  return reader.id === authorId ? t("trace.author", { name }) : name;
}

function Reached({ trace: { readers, author } }: { trace: MessageTrace }) {
  const t = useT();
  const others = readers.filter(({ reader }) => reader.id !== author.id);
  return (
    <Step
      icon={<IconDeviceMobile size={16} />}
      tone={others.some(({ delivered }) => delivered) ? "done" : "waiting"}
      title={t("trace.reached")}
    >
      {readers.length === 0 ? <p>{t("trace.nobodyYet")}</p> : null}
      <ul className={classes.rows}>
        {readers.map((one) => (
          <li key={one.reader.id} className={classes.row}>
            <span className={classes.sub}>
              <Person one={one} authorId={author.id} />
              {one.delivered ? null : <span className={classes.moment}>{t("trace.notYet")}</span>}
            </span>
            {one.devices.map((device) => (
              <span key={`${device.device} ${device.via}`} className={classes.device}>
                {t(`trace.device.${device.via}`, { device: deviceEnd(device.device) })}{" "}
                <Moment at={device.deliveredAt} />
              </span>
            ))}
            {one.delivered && one.devices.length === 0 ? <Unknown>{t("trace.whenUnknown")}</Unknown> : null}
          </li>
        ))}
      </ul>
    </Step>
  );
}

function Read({ trace: { readers, author } }: { trace: MessageTrace }) {
  const t = useT();
  const others = readers.filter(({ reader, read }) => reader.id !== author.id && (read || reader.type === "contact"));
  const hasRead = others.some(({ read }) => read);
  return (
    <Step icon={<IconChecks size={16} />} tone={hasRead ? "done" : "waiting"} title={t("trace.read")}>
      {others.length === 0 ? <p>{t("trace.nobodyYet")}</p> : null}
      <ul className={classes.rows}>
        {others.map((one) => (
          <li key={one.reader.id} className={classes.row}>
            <span className={classes.sub}>
              <Person one={one} authorId={author.id} />
              {one.readAt ? <Moment at={one.readAt} /> : null}
              {one.read ? null : <span className={classes.moment}>{t("trace.notYet")}</span>}
            </span>
            {one.read && !one.readAt ? <Unknown>{t("trace.whenUnknown")}</Unknown> : null}
          </li>
        ))}
      </ul>
    </Step>
  );
}

function Person({ one, authorId }: { one: Reader; authorId: string }) {
  const t = useT();
  return (
    <span className={classes.person}>
      <Avatar id={one.reader.id} name={one.reader.name} type={one.reader.type} size={20} />
      <span dir="auto">{readerName(t, one, authorId)}</span>
    </span>
  );
}
