import type { ConversationId } from "@presszero/contracts";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChatSession } from "./chat-session.ts";
import { useLocale } from "./locale.ts";

export type EndConversationProps = { session: ChatSession; conversationId: ConversationId; onDone: () => void };

/** Asks before it ends the chat, in place. */
export function EndConversation({ session, conversationId, onDone }: EndConversationProps) {
  const { t } = useLocale();
  const box = useRef<HTMLDivElement>(null);
  const keep = useRef<HTMLButtonElement>(null);
  const [state, setState] = useState<"asking" | "ending" | "failed">("asking");

  useEffect(() => keep.current?.focus(), []);

  // Escape answers the question; the panel behind it stays open.
  useEffect(() => {
    const place = box.current!;
    const answer = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      onDone();
    };
    place.addEventListener("keydown", answer);
    return () => place.removeEventListener("keydown", answer);
  }, [onDone]);

  async function end(): Promise<void> {
    if (state === "ending") return;
    setState("ending");
    try {
      await session.api("POST /v1/my/conversations/:conversationId/close", { params: { conversationId } });
      onDone();
    } catch {
      setState("failed");
    }
  }

  return (
    <div class="question" role="alertdialog" aria-label={t("end.question")} ref={box}>
      <span>{t("end.question")}</span>
      <span class="question-actions">
        <button type="button" class="danger" aria-disabled={state === "ending"} onClick={end}>
          {t("end.yes")}
        </button>
        <button type="button" class="secondary" ref={keep} onClick={onDone}>
          {t("end.no")}
        </button>
      </span>
      {state === "failed" && (
        <p class="error" role="alert">
          {t("end.failed")}
        </p>
      )}
    </div>
  );
}
