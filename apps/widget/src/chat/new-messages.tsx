import type { Author } from "@presszero/contracts";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocale } from "./locale.ts";
import type { MessageRow, Row } from "./rows.ts";

/** Reads new messages of the other side to a screen reader, politely; history is not announced. */
export function NewMessages({ rows, nameOf }: { rows: readonly Row[]; nameOf: (author: Author | null) => string }) {
  const { t } = useLocale();
  const newest = rows.findLast((row): row is MessageRow => row.type === "message" && !row.own);
  const newestAt = newest?.at ?? 0;
  const loaded = rows.length > 0;
  const known = useRef<number | null>(null);
  const text = newest ? t("thread.said", { name: nameOf(newest.author), text: newest.text }) : "";
  const [said, setSaid] = useState("");

  useEffect(() => {
    if (!loaded) return;
    if (known.current !== null && newestAt > known.current) setSaid(text);
    known.current = newestAt;
  }, [loaded, newestAt, text]);

  return (
    <p class="visually-hidden" role="log" aria-live="polite">
      {said}
    </p>
  );
}
