import type { Locale } from "@presszero/contracts";
import ar from "./messages/ar.json" with { type: "json" };
import de from "./messages/de.json" with { type: "json" };
import en from "./messages/en.json" with { type: "json" };

type Catalogue = typeof en;
const catalogues: Record<Locale, Catalogue> = { en, de, ar };

/** Fills the subject and text of a mail from the catalogue. Values of people are put on one line. */
export function composeMail(
  locale: Locale,
  name: keyof Catalogue,
  values: Record<string, string>,
): { subject: string; text: string } {
  const fill = (template: string) =>
    template.replace(/\{(\w+)\}/g, (_, key: string) => (values[key] ?? "").replace(/[\p{C}\p{Z}]+/gu, " "));
  const { subject, text } = catalogues[locale][name];
  return { subject: fill(subject), text: fill(text) };
}
