import type { WidgetSettings } from "@presszero/contracts";
import { textOn } from "@presszero/ui";
import { parseFrameMessage, type LoaderMessage } from "../bridge.ts";
import styles from "./loader.css?inline";
import ar from "./messages/ar.json";
import de from "./messages/de.json";
import en from "./messages/en.json";

type Events = { open: []; close: []; unread: [count: number] };

/** The public face on the host page: `window.PressZero`. */
export type PressZeroWidget = {
  open(): void;
  close(): void;
  toggle(): void;
  /** Calls `listener` on every such event from now on. Returns what ends it. */
  on<E extends keyof Events>(event: E, listener: (...details: Events[E]) => void): () => void;
};

declare global {
  interface Window {
    PressZero?: PressZeroWidget;
  }
}

const catalogues = { en, de, ar };
const fullScreen = matchMedia("(width<=480px),(height<=420px)");

function element(parent: Node, name: string, attributes: Record<string, string>, space = "1999/xhtml"): HTMLElement {
  const made = document.createElementNS(`http://www.w3.org/${space}`, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return parent.appendChild(made) as HTMLElement;
}

function start(script: HTMLScriptElement): void {
  const { key, lang, theme } = script.dataset;
  const { origin } = new URL(script.src);
  const wanted = [lang, document.documentElement.lang, ...navigator.languages].filter((tag) => !!tag) as string[];
  const locale =
    wanted.map((tag) => tag.split("-")[0]!.toLowerCase()).find((language) => Object.hasOwn(catalogues, language)) ??
    "en";
  const texts = catalogues[locale as keyof typeof catalogues];

  const listeners: { [E in keyof Events]: Set<(...details: Events[E]) => void> } = {
    open: new Set(),
    close: new Set(),
    unread: new Set(),
  };
  let settings: WidgetSettings | undefined;
  let launcher: HTMLElement;
  let badge: HTMLElement;
  let panel: HTMLElement;
  let frame: HTMLIFrameElement | undefined;
  let ready = false;
  let isOpen = false;
  let unread = 0;
  let hostOverflow: string | null = null;

  /** Kept on the host page, and only once the visitor has agreed: then the app loads with the page, for the badge. */
  const agreedKey = `presszero:${key}`;
  function agreedBefore(now?: boolean): boolean {
    try {
      if (now) localStorage.setItem(agreedKey, "1");
      else if (now === false) localStorage.removeItem(agreedKey);
      return localStorage.getItem(agreedKey) === "1";
    } catch {
      return false; // Storage is blocked: the badge waits for the first opening.
    }
  }

  function say(type: LoaderMessage["type"]): void {
    if (ready) frame?.contentWindow?.postMessage({ presszero: 1, type } satisfies LoaderMessage, origin);
  }

  function loadFrame(): void {
    if (frame) return;
    const query = new URLSearchParams({
      key: key!,
      lang: wanted[0] ?? locale,
      origin: location.origin,
      theme: theme ?? "",
    });
    frame = element(panel, "iframe", {
      title: texts.panel.replace("{company}", () => settings!.companyName),
      src: `${origin}/widget/frame.html?${query}`,
    }) as HTMLIFrameElement;
  }

  function label(): void {
    launcher.setAttribute("aria-expanded", String(isOpen));
    const count = unread.toLocaleString(locale);
    launcher.setAttribute(
      "aria-label",
      isOpen ? texts.close : unread > 0 ? texts.openUnread.replace("{count}", count) : texts.open,
    );
    badge.textContent = unread === 0 || isOpen ? "" : unread > 99 ? "99+" : count;
  }

  /** On a phone the panel ends where the keyboard begins, and the page behind it does not scroll. */
  function fit(): void {
    const fills = isOpen && fullScreen.matches;
    const page = document.documentElement.style;
    panel.style.height = fills ? `${visualViewport!.height}px` : "";
    panel.style.top = fills ? `${visualViewport!.offsetTop}px` : "";
    if (fills) hostOverflow ??= page.overflow;
    if (hostOverflow !== null) page.overflow = fills ? "hidden" : hostOverflow;
    if (!fills) hostOverflow = null;
  }

  function show(open: boolean): void {
    if (open === isOpen) return;
    isOpen = open;
    if (!settings) return;
    if (open) loadFrame();
    panel.classList.toggle("open", open);
    label();
    fit();
    if (open) frame!.focus();
    else launcher.focus();
    say(open ? "shown" : "hidden");
    for (const listener of listeners[open ? "open" : "close"]) listener();
  }

  function receive(event: MessageEvent): void {
    if (event.origin !== origin || event.source !== frame?.contentWindow) return;
    const message = parseFrameMessage(event.data);
    if (message?.type === "ready") {
      ready = true;
      say(isOpen ? "shown" : "hidden");
    } else if (message?.type === "close") {
      show(false);
    } else if (message?.type === "state") {
      agreedBefore(message.agreed);
      if (message.unread === unread) return;
      unread = message.unread;
      label();
      for (const listener of listeners.unread) listener(unread);
    }
  }

  function mount(loaded: WidgetSettings): void {
    settings = loaded;
    const root = element(document.body, "div", {}).attachShadow({ mode: "closed" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
    root.adoptedStyleSheets = [sheet];
    const ground = element(root, "div", { dir: texts.direction, lang: locale });
    ground.style.setProperty("--accent", loaded.accentColor);
    ground.style.setProperty("--on-accent", textOn(loaded.accentColor));
    ground.style.colorScheme = theme ?? "light dark";
    const svg = "2000/svg";
    const icon = (name: string, d: string) =>
      element(element(launcher, "svg", { class: name, viewBox: "0 0 24 24" }, svg), "path", { d }, svg);
    launcher = element(ground, "button", { class: "launcher" });
    icon("bubble", "M12 4c5 0 9 3 9 7.5S17 19 12 19c-1 0-2 0-3-.4L5 21l.6-4C4 15.5 3 13.5 3 11.5 3 7 7 4 12 4Z");
    icon("down", "m6 9 6 6 6-6");
    badge = element(launcher, "span", { class: "badge" });
    panel = element(ground, "div", { class: "panel" });
    launcher.addEventListener("click", () => show(!isOpen));
    ground.addEventListener("keydown", (event) => {
      if (event.key === "Escape") show(false);
    });
    addEventListener("message", receive);
    for (const event of ["resize", "scroll"]) visualViewport!.addEventListener(event, fit);
    label();
    if (isOpen) {
      isOpen = false;
      show(true);
    } else if (agreedBefore()) loadFrame();
  }

  window.PressZero = {
    open: () => show(true),
    close: () => show(false),
    toggle: () => show(!isOpen),
    on: (event, listener) => {
      listeners[event].add(listener);
      return () => listeners[event].delete(listener);
    },
  };

  fetch(`${origin}/v1/widgets/${key}`, { credentials: "omit" })
    .then((response) => (response.ok ? response.json() : Promise.reject(response.status)))
    .then(mount)
    .catch((cause: unknown) => console.warn("Press Zero: the chat is not available", cause));
}

const script = document.currentScript as HTMLScriptElement | null;
if (!window.PressZero && script) {
  if (document.body) start(script);
  else addEventListener("DOMContentLoaded", () => start(script));
}
