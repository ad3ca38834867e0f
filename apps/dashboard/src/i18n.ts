import i18next from "i18next";
import { initReactI18next, useTranslation } from "react-i18next";
import type en from "./messages/en.json";
import { getPreferences, setPreference, type Preferences } from "./preferences.ts";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: typeof en };
  }
}

type Locale = Preferences["locale"];

const catalogues: Record<Locale, () => Promise<{ default: object }>> = {
  en: () => import("./messages/en.json"),
  de: () => import("./messages/de.json"),
  ar: () => import("./messages/ar.json"),
};

export function directionOf(locale: Locale): "ltr" | "rtl" {
  return locale === "ar" ? "rtl" : "ltr";
}

function applyToDocument(locale: Locale): void {
  document.documentElement.lang = locale;
  document.documentElement.dir = directionOf(locale);
}

/** Loads the one catalogue that is needed; resolves when the first screen can be drawn. */
export async function startI18n(): Promise<void> {
  const { locale } = getPreferences();
  const catalogue = await catalogues[locale]();
  await i18next.use(initReactI18next).init({
    lng: locale,
    resources: { [locale]: { translation: catalogue.default } },
    interpolation: { escapeValue: false },
  });
  applyToDocument(locale);
}

export async function changeLocale(locale: Locale): Promise<void> {
  if (!i18next.hasResourceBundle(locale, "translation")) {
    const catalogue = await catalogues[locale]();
    i18next.addResourceBundle(locale, "translation", catalogue.default);
  }
  await i18next.changeLanguage(locale);
  applyToDocument(locale);
  setPreference("locale", locale);
}

export function useT() {
  return useTranslation().t;
}

export type T = ReturnType<typeof useT>;
