import { useSyncExternalStore } from "react";
import { deviceStorage } from "./device-storage.ts";

/** What a person set on this device. Kept in localStorage, each under its own key; `first-paint.js` reads two of them. */
export type Preferences = {
  locale: "en" | "de" | "ar";
  colorScheme: "light" | "dark" | "auto";
  /** Which key sends a message: Enter, or Enter together with Cmd or Ctrl. */
  sendKey: "enter" | "mod+enter";
  details: "shown" | "hidden";
};

const allowed: { [K in keyof Preferences]: readonly Preferences[K][] } = {
  locale: ["en", "de", "ar"],
  colorScheme: ["light", "dark", "auto"],
  sendKey: ["enter", "mod+enter"],
  details: ["shown", "hidden"],
};

/** In the order in which menus offer them. */
export const locales = allowed.locale;

function defaults(): Preferences {
  const locale = navigator.languages.map((tag) => tag.slice(0, 2)).find(isLocale);
  return { locale: locale ?? "en", colorScheme: "auto", sendKey: "enter", details: "shown" };
}

function isLocale(tag: string): tag is Preferences["locale"] {
  return (locales as readonly string[]).includes(tag);
}

function load(): Preferences {
  const loaded = defaults();
  const take = <K extends keyof Preferences>(key: K) => {
    const stored = deviceStorage.getItem(`presszero.${key}`);
    const value = allowed[key].find((candidate) => candidate === stored);
    if (value !== undefined) loaded[key] = value;
  };
  take("locale");
  take("colorScheme");
  take("sendKey");
  take("details");
  return loaded;
}

let current = load();
const listeners = new Set<() => void>();

export function getPreferences(): Preferences {
  return current;
}

export function setPreference<K extends keyof Preferences>(key: K, value: Preferences[K]): void {
  current = { ...current, [key]: value };
  try {
    deviceStorage.setItem(`presszero.${key}`, value);
  } catch {
    // The storage is full; the choice still holds for this page.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePreference<K extends keyof Preferences>(key: K): Preferences[K] {
  return useSyncExternalStore(subscribe, () => current[key]);
}

/**
 * The locale by which dates and numbers are written: the chosen language with the region that the browser names for it
 * (English with 24-hour times in Britain), else the language alone.
 */
export function useFormatLocale(): string {
  const locale = usePreference("locale");
  return navigator.languages.find((tag) => tag === locale || tag.startsWith(`${locale}-`)) ?? locale;
}
