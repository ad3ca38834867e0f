import { createTranslate, matchLocale, textDirection, type MessageKey, type Translate } from "@presszero/ui";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import en from "./messages/en.json";

export type ChatMessageKey = MessageKey<typeof en>;

export type Locale = {
  /** The tag for dates and numbers, such as `de-AT`. */
  tag: string;
  direction: "ltr" | "rtl";
  t: Translate<ChatMessageKey>;
};

const catalogues = {
  en: async () => en,
  de: async () => (await import("./messages/de.json")).default,
  ar: async () => (await import("./messages/ar.json")).default,
};

/** The best language that there is for the wanted ones, in order of preference. */
export async function loadLocale(wanted: readonly string[]): Promise<Locale> {
  const language = matchLocale(wanted, ["en", "de", "ar"]);
  const catalogue = await catalogues[language]().catch(() => en);
  return {
    tag: wanted.find((tag) => isTag(tag) && matchLocale([tag], ["", language]) === language) ?? language,
    direction: textDirection(language),
    t: createTranslate(language, catalogue, en),
  };
}

function isTag(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}

export const LocaleContext = createContext<Locale | null>(null);

export function useLocale(): Locale {
  const locale = useContext(LocaleContext);
  if (!locale) throw new Error("useLocale needs a LocaleContext above it");
  return locale;
}
