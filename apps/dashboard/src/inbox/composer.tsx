import { Button, Tooltip } from "@mantine/core";
import type { ConversationId } from "@presszero/contracts";
import { maxTextLength } from "@presszero/contracts/protocol";
import type { Summary } from "@presszero/sdk";
import { IconSend2 } from "@tabler/icons-react";
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type KeyboardEvent, type Ref } from "react";
import { useSync } from "../conversations.tsx";
import { deviceStorage } from "../device-storage.ts";
import { useT } from "../i18n.ts";
import { customerName } from "../person.tsx";
import { usePreference } from "../preferences.ts";
import { useMay, useMe } from "../session.ts";
import { useConversationActions, whenSent } from "./actions.tsx";
import classes from "./composer.module.css";
import { type ComposerKind, readDraft, writeDraft } from "./drafts.ts";

/** From here on the person is told how much room is left. */
const nearLimit = maxTextLength - 500;

export type ComposerHandle = { focus: (kind: ComposerKind) => void };

type ComposerProps = {
  ref: Ref<ComposerHandle>;
  summary: Summary;
  onReopen: () => void;
  /** After send-and-close. */
  onClosed: () => void;
  onEscape: () => void;
};

/** Writes replies and notes. Mount it anew for each conversation. */
export function Composer({ ref, summary, onReopen, onClosed, onEscape }: ComposerProps) {
  const t = useT();
  const mayReply = useMay("conversations.reply");
  const mayClose = useMay("conversations.close");

  if (!mayReply) return <p className={classes.locked}>{t("composer.mayNot")}</p>;
  if (summary.status === "closed") {
    return (
      <div className={classes.locked}>
        <span>{t("composer.closed")}</span>
        {mayClose ? (
          <Button size="compact-md" variant="default" onClick={onReopen}>
            {t("actions.reopen")}
          </Button>
        ) : null}
      </div>
    );
  }
  return <OpenComposer ref={ref} summary={summary} onClosed={onClosed} onEscape={onEscape} mayClose={mayClose} />;
}

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

function OpenComposer({
  ref,
  summary,
  onClosed,
  onEscape,
  mayClose,
}: Omit<ComposerProps, "onReopen"> & { mayClose: boolean }) {
  const t = useT();
  const sync = useSync();
  const { agent } = useMe();
  const sendKey = usePreference("sendKey");
  const { close } = useConversationActions();
  const conversationId: ConversationId = summary.id;
  const [kind, setKind] = useState<ComposerKind>("text");
  const draftKey = { agentId: agent.id, conversationId, kind };
  const [text, setText] = useState(() => readDraft(deviceStorage, draftKey));
  const [closing, setClosing] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);

  function switchTo(next: ComposerKind) {
    if (next === kind) return;
    setKind(next);
    setText(readDraft(deviceStorage, { ...draftKey, kind: next }));
  }

  useImperativeHandle(ref, () => ({
    focus: (next) => {
      switchTo(next);
      field.current?.focus();
    },
  }));

  // Grows with its text; the style sheet sets the limit.
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);

  useEffect(() => () => sync.typing(conversationId, false), [sync, conversationId]);

  const blank = text.trim() === "";
  const tooLong = text.length > maxTextLength;

  function change(value: string) {
    setText(value);
    writeDraft(deviceStorage, draftKey, value);
    if (kind === "text") sync.typing(conversationId, value.trim() !== "");
  }

  function send(): string | null {
    if (blank || tooLong) return null;
    const clientId = sync.send(conversationId, { kind, text });
    sync.typing(conversationId, false);
    setText("");
    writeDraft(deviceStorage, draftKey, "");
    return clientId;
  }

  async function sendAndClose() {
    const clientId = send();
    if (clientId === null) return;
    setClosing(true);
    const closed = (await whenSent(sync, clientId)) && (await close(conversationId, customerName(t, summary)));
    setClosing(false);
    if (closed) onClosed();
  }

  function onKeyDown(event: KeyboardEvent) {
    // While an input method composes, Enter and Escape belong to it (229 is how Safari tells).
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") return onEscape();
    if (event.key !== "Enter") return;
    const mod = event.metaKey || event.ctrlKey;
    if (mod && event.shiftKey) {
      event.preventDefault();
      if (kind === "text" && mayClose) void sendAndClose();
    } else if (sendKey === "enter" ? !event.shiftKey && !event.altKey : mod) {
      event.preventDefault();
      send();
    }
  }

  const modName = isMac ? "⌘" : t("keys.ctrl");
  const sendHint = sendKey === "enter" ? t("keys.enter") : `${modName} ${t("keys.enter")}`;

  return (
    <div className={classes.composer} data-kind={kind}>
      <div className={classes.box}>
        <div className={classes.tabs} role="tablist" aria-label={t("composer.kind")}>
          {(["text", "note"] as const).map((name) => (
            <button
              key={name}
              type="button"
              role="tab"
              aria-selected={kind === name}
              className={classes.tab}
              onClick={() => (switchTo(name), field.current?.focus())}
            >
              {t(`composer.tab.${name}`)}
            </button>
          ))}
        </div>
        <textarea
          ref={field}
          className={classes.field}
          rows={2}
          dir={text === "" ? undefined : "auto"}
          value={text}
          aria-label={t(`composer.label.${kind}`)}
          placeholder={t(`composer.placeholder.${kind}`)}
          aria-invalid={tooLong || undefined}
          onChange={(event) => change(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          onBlur={() => sync.typing(conversationId, false)}
        />
        <div className={classes.bar}>
          <span className={classes.hint} data-bad={tooLong || undefined} role="status">
            {tooLong
              ? t("composer.tooLong")
              : text.length > nearLimit
                ? t("composer.left", { count: maxTextLength - text.length })
                : null}
          </span>
          {kind === "text" && mayClose ? (
            <Button
              size="compact-md"
              variant="subtle"
              color="gray"
              disabled={blank || tooLong}
              loading={closing}
              onClick={() => void sendAndClose()}
            >
              {t("composer.sendAndClose")}
            </Button>
          ) : null}
          <Tooltip label={sendHint}>
            <Button
              size="compact-md"
              className={classes.send}
              disabled={blank || tooLong}
              onClick={() => (send(), field.current?.focus())}
              rightSection={<IconSend2 size={16} className={classes.mirrored} />}
            >
              {t(`composer.send.${kind}`)}
            </Button>
          </Tooltip>
        </div>
      </div>
    </div>
  );
}
