import type { WidgetSettings } from "@presszero/contracts";
import { ApiError } from "@presszero/sdk";
import { useState } from "preact/hooks";
import { Avatar } from "./avatar.tsx";
import { createGuest, type GuestSession } from "./guest.ts";
import { CloseIcon, LockIcon } from "./icons.tsx";
import { useLocale, type ChatMessageKey } from "./locale.ts";

export type ConsentProps = {
  settings: WidgetSettings;
  onClose?: () => void;
  onAgreed: (session: GuestSession) => void;
};

function failureKey(cause: unknown): ChatMessageKey {
  if (!(cause instanceof ApiError)) return "consent.failed";
  if (cause.code === "RATE_LIMITED") return "consent.limited";
  return cause.code === "ORIGIN_NOT_ALLOWED" ? "consent.origin" : "consent.failed";
}

/** The first screen: who one talks to and what happens to what one writes. Nothing is stored or sent before "agree". */
export function Consent({ settings, onClose, onAgreed }: ConsentProps) {
  const { t, tag, direction } = useLocale();
  const [name, setName] = useState("");
  const [starting, setStarting] = useState(false);
  const [failure, setFailure] = useState<ChatMessageKey | null>(null);
  const company = settings.companyName;

  async function agree(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (starting) return;
    setStarting(true);
    setFailure(null);
    try {
      onAgreed(await createGuest(settings, tag, name.trim()));
    } catch (cause) {
      setFailure(failureKey(cause));
      setStarting(false);
    }
  }

  return (
    <main class="screen consent">
      <div class="hero">
        {onClose && (
          <button
            type="button"
            class="icon-button hero-close"
            aria-label={t("close")}
            title={t("close")}
            onClick={onClose}
          >
            <CloseIcon />
          </button>
        )}
        <Avatar name={company} />
        <h1 tabIndex={-1} data-autofocus="">
          {t("consent.title", { company })}
        </h1>
        <p>{t("consent.intro", { company })}</p>
      </div>
      <form class="consent-form" onSubmit={agree}>
        <label class="field">
          <span>{t("consent.name")}</span>
          <input
            type="text"
            autoComplete="name"
            maxLength={120}
            dir={name === "" ? direction : "auto"}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <p class="warning">
          <LockIcon />
          <span>{t("consent.warning")}</span>
        </p>
        {settings.consent.required && (
          <div class="terms">
            <p>{t("consent.privacy", { company })}</p>
            <p>{t("consent.terms", { company })}</p>
          </div>
        )}
        <div class="consent-actions">
          {failure && (
            <p class="error" role="alert">
              {t(failure, { company })}
            </p>
          )}
          <button type="submit" class="primary" aria-disabled={starting}>
            {starting ? t("consent.starting") : settings.consent.required ? t("consent.agree") : t("consent.start")}
          </button>
        </div>
      </form>
    </main>
  );
}
