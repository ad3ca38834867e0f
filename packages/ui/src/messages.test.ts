import { globSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createTranslate, matchLocale, textDirection } from "./messages.ts";

const en = {
  hello: "Hello {name}",
  onlyEnglish: "Only here",
  unread_one: "{count} new message",
  unread_other: "{count} new messages",
};
const ar = {
  hello: "مرحبا {name}",
  unread_zero: "لا شيء",
  unread_one: "رسالة",
  unread_two: "رسالتان",
  unread_few: "{count} رسائل",
  unread_other: "{count} رسالة",
};

test("parameters are inserted as they are, an unknown placeholder stays", () => {
  const t = createTranslate("en", en, en);
  expect(t("hello", { name: "$& <b>{name}</b>" })).toBe("Hello $& <b>{name}</b>");
  expect(t("hello")).toBe("Hello {name}");
});

test("plurals follow the language and numbers the locale", () => {
  const english = createTranslate("en", en, en);
  expect([english("unread", { count: 1 }), english("unread", { count: 1200 })]).toEqual([
    "1 new message",
    "1,200 new messages",
  ]);
  const arabic = createTranslate("ar", ar, en);
  expect([0, 1, 2, 5, 100].map((count) => arabic("unread", { count }))).toEqual([
    "لا شيء",
    "رسالة",
    "رسالتان",
    "5 رسائل",
    "100 رسالة",
  ]);
});

test("a name in the other direction is isolated", () => {
  expect(createTranslate("ar", ar, en)("hello", { name: "Finch" })).toBe("مرحبا \u2068Finch\u2069");
  expect(createTranslate("en", en, en)("hello", { name: "ليلى" })).toBe("Hello \u2068ليلى\u2069");
});

test("a missing text falls back to English, with English plurals", () => {
  const t = createTranslate("ar", { hello: "مرحبا" }, en);
  expect(t("onlyEnglish")).toBe("Only here");
  expect(t("unread", { count: 2 })).toBe("2 new messages");
});

test("a wanted locale matches exactly, by language, or not at all", () => {
  const supported = ["en", "de", "ar"] as const;
  expect(matchLocale(["de-AT", "ar"], supported)).toBe("de");
  expect(matchLocale(["fr", "AR"], supported)).toBe("ar");
  expect(matchLocale(["den", "fr"], supported)).toBe("en");
  expect(matchLocale([], supported)).toBe("en");
});

test("direction is known from the language", () => {
  expect([textDirection("ar-EG"), textDirection("he"), textDirection("de")]).toEqual(["rtl", "rtl", "ltr"]);
});

/** `{ "a": { "b": "x" } }` and `{ "a.b": "x" }` are the same catalogue. */
function flatten(value: unknown, path: string[] = []): [string, string][] {
  if (typeof value === "string") return [[path.join("."), value]];
  return Object.entries(value as Record<string, unknown>).flatMap(([key, inner]) => flatten(inner, [...path, key]));
}

function readCatalogue(file: string) {
  const texts = new Map(flatten(JSON.parse(readFileSync(file, "utf8"))));
  const counted = new Set(
    [...texts.keys()].filter((key) => key.endsWith("_other")).map((key) => key.slice(0, -"_other".length)),
  );
  const isPlural = (key: string) => counted.has(key.replace(/_(zero|one|two|few|many|other)$/, ""));
  return {
    texts,
    counted,
    keys: [...new Set([...texts.keys()].map((key) => (isPlural(key) ? key.replace(/_[a-z]+$/, "_*") : key)))].sort(),
  };
}

const apps = fileURLToPath(new URL("../../../apps", import.meta.url));
const folders = [
  ...new Set(globSync(`${apps}/{widget,dashboard}/src/**/messages/*.json`).map((file) => dirname(file))),
];

test("the widget and the dashboard have catalogues", () => {
  expect(folders.map((folder) => folder.slice(apps.length + 1).split(/[\\/]/)[0])).toEqual(
    expect.arrayContaining(["widget", "dashboard"]),
  );
});

describe.each(folders.map((folder) => [folder.slice(apps.length + 1), folder]))("%s", (_name, folder) => {
  const english = readCatalogue(`${folder}/en.json`);
  const languages = globSync(`${folder}/*.json`).map((file) => basename(file, ".json"));

  test("speaks English, German and Arabic", () => {
    expect(languages).toEqual(expect.arrayContaining(["en", "de", "ar"]));
  });

  test.each(languages)("%s has every text with every parameter and every plural form", (language) => {
    const catalogue = readCatalogue(`${folder}/${language}.json`);
    expect(catalogue.keys).toEqual(english.keys);
    for (const [key, text] of catalogue.texts) expect(text.trim(), key).not.toBe("");
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const key of catalogue.counted)
      for (const form of forms) expect(catalogue.texts.has(`${key}_${form}`), `${key}_${form}`).toBe(true);
    const parameters = (text: string) => [...new Set(text.match(/\{+\w+\}+/g))].sort();
    for (const [key, text] of english.texts) {
      const translated = catalogue.texts.get(key);
      if (translated !== undefined && !/_(zero|one|two)$/.test(key))
        expect(parameters(translated), key).toEqual(parameters(text));
    }
  });
});
