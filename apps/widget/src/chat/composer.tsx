import type { maxTextLength } from "@presszero/contracts";
import { useEffect, useRef, useState } from "preact/hooks";
import { SendIcon } from "./icons.tsx";
import { useLocale } from "./locale.ts";

/** The contract's limit; only its type is imported, so that the schemas stay out of the bundle. */
const maxLength: typeof maxTextLength = 16_000;

export type ComposerProps = {
  company: string;
  /** Where the text belongs; null while that is not known. Changing it keeps what stands in the field. */
  place: string | null;
  /** What was typed in that place earlier. */
  draft: string;
  onDraft: (text: string) => void;
  onTyping: (on: boolean) => void;
  onSend: (text: string) => void;
};

export function Composer({ company, place, draft, onDraft, onTyping, onSend }: ComposerProps) {
  const { t, direction } = useLocale();
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(draft);
  const excess = text.length - maxLength;
  const canSend = text.trim() !== "" && excess <= 0;

  useEffect(() => {
    // By function: what is typed between drawing and this effect counts as well.
    setText((now) => (now === "" ? draft : now));
    if (text !== "") onDraft(text);
  }, [place]);

  function change(next: string): void {
    setText(next);
    onDraft(next);
  }

  function submit(): void {
    if (!canSend) return;
    // A NUL and half an emoji are not text: the server would refuse the whole message for them.
    onSend(text.replaceAll("\u0000", "").toWellFormed().trim());
    change("");
    onTyping(false);
    field.current?.focus();
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="composer-box">
        {/* The text stands behind the field as well and so gives it its height. */}
        <div class="composer-field" data-text={text}>
          <textarea
            ref={field}
            rows={1}
            dir={text === "" ? direction : "auto"}
            value={text}
            enterkeyhint="send"
            aria-label={t("composer.label", { company })}
            aria-invalid={excess > 0}
            placeholder={t("composer.placeholder")}
            data-autofocus={matchMedia("(pointer: fine)").matches ? "" : undefined}
            onInput={(event) => {
              change(event.currentTarget.value);
              onTyping(event.currentTarget.value !== "");
            }}
            onBlur={() => onTyping(false)}
            onKeyDown={(event) => {
              // 229: Safari ends a composition before it reports the Enter that ended it.
              if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
              event.preventDefault();
              submit();
            }}
          />
        </div>
        {/* aria-disabled instead of disabled: the button keeps the focus when the text is gone. */}
        <button
          type="submit"
          class="send"
          aria-label={t("composer.send")}
          title={t("composer.send")}
          aria-disabled={!canSend}
        >
          <SendIcon />
        </button>
      </div>
      {excess > 0 && (
        <p class="composer-hint" role="alert">
          {t("composer.tooLong", { count: excess })}
        </p>
      )}
    </form>
  );
}
