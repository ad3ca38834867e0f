import { signal, type ReadonlySignal } from "@preact/signals";
import type { WidgetSettings } from "@presszero/contracts";
import { createApi, createSync, type ApiClient, type State, type Sync } from "@presszero/sdk";
import { openDrafts, type Drafts } from "./drafts.ts";
import type { GuestSession } from "./guest.ts";

const client = "widget/0.1.0";

/** A running chat of one guest: the synchronised state as a signal, and what can be done. */
export type ChatSession = {
  settings: WidgetSettings;
  remembered: boolean;
  api: ApiClient;
  sync: Sync;
  state: ReadonlySignal<State>;
  drafts: Drafts;
  stop: () => void;
};

/** Connects. This is the first moment at which a socket is opened. */
export function startChat(settings: WidgetSettings, { guest, storage, remembered }: GuestSession): ChatSession {
  const baseUrl = location.origin;
  const api = createApi({ baseUrl, token: guest.token });
  const sync = createSync({ api, baseUrl, side: "contact", client, storage });
  const state = signal(sync.getState());
  const unsubscribe = sync.subscribe(() => {
    state.value = sync.getState();
  });
  const warn = (event: BeforeUnloadEvent) => {
    if (sync.warnOnUnload()) event.preventDefault();
  };
  addEventListener("beforeunload", warn);
  sync.start();
  return {
    settings,
    remembered,
    api,
    sync,
    state,
    drafts: openDrafts(settings.widgetKey),
    stop: () => {
      removeEventListener("beforeunload", warn);
      unsubscribe();
      sync.stop();
      storage.close();
    },
  };
}
