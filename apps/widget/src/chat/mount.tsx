import "@presszero/ui/tokens.css";
import "./chat.css";
import { signal, type ReadonlySignal } from "@preact/signals";
import { render } from "preact";
import { App, type AppProps } from "./app.tsx";
import { watchAttention } from "./attention.ts";
import { loadLocale, LocaleContext } from "./locale.ts";

export type ChatOptions = Pick<AppProps, "widgetKey" | "onClose" | "onState"> & {
  /** BCP 47 tags in order of preference. */
  languages: readonly string[];
  /** Whether the chat is on screen at all; a page of its own always is. */
  onScreen?: ReadonlySignal<boolean>;
};

/** Puts the chat into `root`, which fills the document, and gives the document its language and direction. */
export async function mountChat(
  root: HTMLElement,
  { languages, onScreen = signal(true), ...options }: ChatOptions,
): Promise<void> {
  const locale = await loadLocale(languages);
  document.documentElement.lang = locale.tag;
  document.documentElement.dir = locale.direction;
  render(
    <LocaleContext.Provider value={locale}>
      <App {...options} onScreen={onScreen} attention={watchAttention(onScreen)} />
    </LocaleContext.Provider>,
    root,
  );
}
