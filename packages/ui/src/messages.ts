/**
 * A message catalogue: flat keys, texts with `{name}` parameters. A text that depends on a number has one key per plural
 * category of its language, `unread_one`, `unread_other`, …, and is asked for as `t("unread", { count })`.
 */
export type Catalogue = Readonly<Record<string, string>>;

type PluralSuffix = `_${Intl.LDMLPluralRule}`;
/** The keys a catalogue can be asked for. */
export type MessageKey<C extends Catalogue> = {
  [K in keyof C & string]: K extends `${infer Base}${PluralSuffix}` ? Base : K;
}[keyof C & string];

export type MessageParameters = Readonly<Record<string, string | number>>;
export type Translate<Key extends string> = (key: Key, parameters?: MessageParameters) => string;

function find(catalogue: Catalogue, rules: Intl.PluralRules, key: string, count: unknown): string | undefined {
  const plural = typeof count === "number" ? catalogue[`${key}_${rules.select(count)}`] : undefined;
  return plural ?? catalogue[key] ?? catalogue[`${key}_other`];
}

/** Keeps a name written in the other direction from pulling the words around it along (first strong isolate, U+2068 … U+2069). */
function isolate(value: string, direction: "ltr" | "rtl"): string {
  return direction === "rtl" || /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/.test(value)
    ? `\u2068${value}\u2069`
    : value;
}

/**
 * Reads texts in one language. A missing text comes from `fallback` with the plural rules of `fallbackLocale`, a key that
 * neither knows comes back as it is. Numbers are written in the locale's way; parameters are inserted as plain text and,
 * where their direction may differ, isolated.
 */
export function createTranslate<C extends Catalogue>(
  locale: string,
  catalogue: Catalogue,
  fallback: C,
  fallbackLocale = "en",
): Translate<MessageKey<C>> {
  const rules = new Intl.PluralRules(locale);
  const fallbackRules = new Intl.PluralRules(fallbackLocale);
  const number = new Intl.NumberFormat(locale);
  const direction = textDirection(locale);
  return (key, parameters = {}) => {
    const text =
      find(catalogue, rules, key, parameters.count) ?? find(fallback, fallbackRules, key, parameters.count) ?? key;
    return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
      const value = parameters[name];
      if (value === undefined) return placeholder;
      return typeof value === "number" ? number.format(value) : isolate(value, direction);
    });
  };
}

/** The first of `wanted` (BCP 47 tags in order of preference) that is supported, exactly or by its language; else `supported[0]`. */
export function matchLocale<const L extends string>(wanted: readonly string[], supported: readonly [L, ...L[]]): L {
  for (const tag of wanted) {
    const lower = tag.toLowerCase();
    const match = supported.find(
      (locale) => lower === locale.toLowerCase() || lower.startsWith(`${locale.toLowerCase()}-`),
    );
    if (match !== undefined) return match;
  }
  return supported[0];
}

const rightToLeft = new Set(["ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"]);

export function textDirection(locale: string): "ltr" | "rtl" {
  return rightToLeft.has(locale.toLowerCase().split("-")[0] ?? "") ? "rtl" : "ltr";
}
