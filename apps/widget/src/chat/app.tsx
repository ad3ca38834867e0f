import { computed, useSignalEffect, type ReadonlySignal } from "@preact/signals";
import type { WidgetSettings } from "@presszero/contracts";
import { ApiError, createApi, unreadTotals } from "@presszero/sdk";
import { accentProperties } from "@presszero/ui";
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { startChat, type ChatSession } from "./chat-session.ts";
import { Consent } from "./consent.tsx";
import { forgetDrafts } from "./drafts.ts";
import { findGuest, forgetGuest, resumeGuest, type GuestSession } from "./guest.ts";
import { CloseIcon } from "./icons.tsx";
import { useLocale } from "./locale.ts";
import { Messenger } from "./messenger.tsx";

export type AppProps = {
  widgetKey: string;
  onScreen: ReadonlySignal<boolean>;
  attention: ReadonlySignal<boolean>;
  onClose?: () => void;
  /** Told whether the visitor has agreed on this device, and how many messages they have not seen. */
  onState?: (agreed: boolean, unread: number) => void;
};

type Stage =
  | { name: "loading" }
  | { name: "failed"; final: boolean }
  | { name: "consent"; settings: WidgetSettings }
  | { name: "chat"; settings: WidgetSettings; session: ChatSession };

async function findStage(widgetKey: string): Promise<Stage> {
  try {
    const settings = await createApi({ baseUrl: location.origin })("GET /v1/widgets/:widgetKey", {
      params: { widgetKey },
    });
    for (const [property, value] of Object.entries(accentProperties(settings.accentColor))) {
      document.documentElement.style.setProperty(property, value);
    }
    const guest = findGuest(settings);
    return guest ? begin(settings, await resumeGuest(guest)) : { name: "consent", settings };
  } catch (cause) {
    return { name: "failed", final: cause instanceof ApiError && !cause.retry };
  }
}

function begin(settings: WidgetSettings, guest: GuestSession): Stage {
  return { name: "chat", settings, session: startChat(settings, guest) };
}

export function App({ widgetKey, onScreen, attention, onClose, onState }: AppProps) {
  const { t, tag } = useLocale();
  const [stage, setStage] = useState<Stage>({ name: "loading" });
  const session = stage.name === "chat" ? stage.session : null;

  const load = useCallback(async () => {
    setStage({ name: "loading" });
    setStage(await findStage(widgetKey));
  }, [widgetKey]);
  useEffect(() => void load(), [load]);
  useEffect(() => () => session?.stop(), [session]);

  const unread = useMemo(
    () => computed(() => (session ? unreadTotals(session.state.value).messages : 0)),
    [session],
  ).value;
  useEffect(() => {
    if (stage.name !== "consent" && stage.name !== "chat") return;
    const title = t("chatWith", { company: stage.settings.companyName });
    document.title = unread > 0 ? `(${unread.toLocaleString(tag)}) ${title}` : title;
    onState?.(stage.name === "chat", unread);
  }, [stage, unread, onState, t, tag]);

  // The panel was opened, or its screen has changed while it is open: the focus goes to where one begins.
  useSignalEffect(() => {
    if (onScreen.value) focusStart();
  });
  useEffect(() => {
    if (onScreen.peek()) focusStart();
  }, [onScreen, stage.name]);

  if (stage.name === "chat") {
    const restart = () => {
      forgetGuest(widgetKey);
      forgetDrafts(widgetKey);
      setStage({ name: "consent", settings: stage.settings });
    };
    return <Messenger session={stage.session} attention={attention} onRestart={restart} onClose={onClose} />;
  }
  if (stage.name === "consent") {
    return (
      <Consent
        settings={stage.settings}
        onClose={onClose}
        onAgreed={(guest) => setStage(begin(stage.settings, guest))}
      />
    );
  }
  return (
    <main class="screen">
      <header class="bar quiet">
        <span class="bar-title" />
        {onClose && (
          <button type="button" class="icon-button" aria-label={t("close")} title={t("close")} onClick={onClose}>
            <CloseIcon />
          </button>
        )}
      </header>
      {stage.name === "loading" ? (
        <div class="skeleton" role="status">
          <span class="visually-hidden">{t("loading")}</span>
          <i />
          <i class="own" />
          <i />
        </div>
      ) : (
        <div class="empty" role="alert">
          <h1 tabIndex={-1} data-autofocus="">
            {stage.final ? t("unavailable.title") : t("failed.title")}
          </h1>
          <p>{stage.final ? t("unavailable.text") : t("failed.text")}</p>
          {!stage.final && (
            <button type="button" class="primary" onClick={load}>
              {t("tryAgain")}
            </button>
          )}
        </div>
      )}
    </main>
  );
}

function focusStart(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>("[data-autofocus]")?.focus());
}
