import { NativeSelect } from "@mantine/core";
import { IconLanguage } from "@tabler/icons-react";
import { changeLocale, useT } from "../i18n.ts";
import { locales, usePreference } from "../preferences.ts";

/** The name of a language in that language: Deutsch, العربية. */
export function languageName(locale: string): string {
  return new Intl.DisplayNames(locale, { type: "language" }).of(locale) ?? locale;
}

export function LanguageSelect() {
  const t = useT();
  const locale = usePreference("locale");
  return (
    <NativeSelect
      aria-label={t("menu.language")}
      size="xs"
      variant="unstyled"
      leftSection={<IconLanguage size={16} />}
      value={locale}
      data={locales.map((value) => ({ value, label: languageName(value) }))}
      onChange={(event) => void changeLocale(locales.find((value) => value === event.currentTarget.value) ?? "en")}
    />
  );
}
