import type { Author } from "@presszero/contracts";
import { dayLabel } from "@presszero/ui";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Avatar } from "./avatar.tsx";
import { DownIcon } from "./icons.tsx";
import { keepPlace, type Place, type PlaceKeeper } from "./keep-place.ts";
import { useLocale } from "./locale.ts";
import { MessageBubble } from "./message-bubble.tsx";
import type { MessageRow, Row } from "./rows.ts";

export type MessageListProps = {
  rows: readonly Row[];
  nameOf: (author: Author | null) => string;
  typing: readonly Author[];
  hasOlder: boolean;
  loadOlder: () => Promise<void>;
  onAtEnd: (atEnd: boolean) => void;
  onRetry: (clientId: string) => void;
  onDiscard: (clientId: string) => void;
};

function isIncoming(row: Row): row is MessageRow {
  return row.type === "message" && !row.own;
}

/** The thread. It stays at its end while the reader is there, and in place when older messages come in above. */
export function MessageList({
  rows,
  nameOf,
  typing,
  hasOlder,
  loadOlder,
  onAtEnd,
  onRetry,
  onDiscard,
}: MessageListProps) {
  const { t, tag } = useLocale();
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const keeper = useRef<PlaceKeeper | null>(null);
  const [place, setPlace] = useState<Place>({ atEnd: true, nearStart: false });
  const [older, setOlder] = useState<"idle" | "loading" | "failed">("idle");
  const [seenUpTo, setSeenUpTo] = useState<string | null>(null);

  const last = rows.at(-1);
  const lastKey = last?.key ?? null;
  const lastOwnKey = last?.type === "message" && last.own ? last.key : null;
  const newestOwn = rows.findLast(
    (row): row is MessageRow => row.type === "message" && row.own && row.status !== "not_sent",
  )?.key;
  const seenIndex = rows.findIndex((row) => row.key === seenUpTo);
  const missed = !place.atEnd && seenIndex >= 0 ? rows.slice(seenIndex + 1).filter(isIncoming).length : 0;

  useLayoutEffect(() => {
    const made = keepPlace(box.current!, list.current!, setPlace);
    keeper.current = made;
    return made.stop;
  }, []);

  // What one has just written is always shown.
  useLayoutEffect(() => {
    if (lastOwnKey !== null) keeper.current?.stick();
  }, [lastOwnKey]);

  useLayoutEffect(() => keeper.current?.settle());

  useEffect(() => {
    onAtEnd(place.atEnd);
    if (place.atEnd) setSeenUpTo(lastKey);
  }, [place.atEnd, lastKey, onAtEnd]);

  useEffect(() => {
    if (!hasOlder || !place.nearStart || older !== "idle") return;
    setOlder("loading");
    loadOlder().then(
      () => setOlder("idle"),
      () => setOlder("failed"),
    );
  }, [hasOlder, place.nearStart, older, loadOlder]);

  return (
    <div class="thread">
      <div
        class="thread-scroller"
        ref={box}
        // The keyboard scrolls it.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="region"
        aria-label={t("thread.label")}
      >
        {older === "loading" && (
          <p class="older" role="status">
            <span class="spinner" />
            <span class="visually-hidden">{t("thread.older")}</span>
          </p>
        )}
        {older === "failed" && (
          <p class="older" role="alert">
            {t("thread.olderFailed")}{" "}
            <button type="button" class="link" onClick={() => setOlder("idle")}>
              {t("tryAgain")}
            </button>
          </p>
        )}
        <ol class="rows" ref={list}>
          {rows.map((row) => {
            if (row.type === "day") {
              return (
                <li class="day" key={row.key}>
                  <time dateTime={new Date(row.at).toISOString()}>{dayLabel(row.at, Date.now(), tag)}</time>
                </li>
              );
            }
            if (row.type === "event") {
              const { kind, by } = row.event;
              const verb = kind === "conversation.closed" ? "ended" : "reopened";
              return (
                <li class="line" key={row.key} data-key={row.key}>
                  {by.type === "contact" ? t(`thread.${verb}ByYou`) : t(`thread.${verb}By`, { name: nameOf(by) })}
                </li>
              );
            }
            return (
              <MessageBubble
                key={row.key}
                row={row}
                author={row.own ? t("thread.you") : nameOf(row.author)}
                newestOwn={row.key === newestOwn}
                onRetry={onRetry}
                onDiscard={onDiscard}
              />
            );
          })}
          {typing.map((author) => (
            <li class="typing" key={author.id}>
              <Avatar name={nameOf(author)} />
              <span class="dots" aria-hidden="true">
                <i />
                <i />
                <i />
              </span>
              <span class="typing-text">{t("thread.typing", { name: nameOf(author) })}</span>
            </li>
          ))}
        </ol>
      </div>
      {!place.atEnd && (
        <button type="button" class="latest" onClick={() => keeper.current?.toEnd()}>
          <DownIcon />
          {missed > 0 ? t("thread.latestNew", { count: missed }) : t("thread.latest")}
        </button>
      )}
    </div>
  );
}
