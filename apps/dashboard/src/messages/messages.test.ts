import { describe, expect, it } from "vitest";
import ar from "./ar.json" with { type: "json" };
import de from "./de.json" with { type: "json" };
import en from "./en.json" with { type: "json" };

type Tree = { [key: string]: string | Tree };

function flatten(tree: Tree, prefix = ""): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") texts.set(prefix + key, value);
    else for (const [inner, text] of flatten(value, `${prefix}${key}.`)) texts.set(inner, text);
  }
  return texts;
}

const plural = /_(zero|one|two|few|many|other)$/;
const english = flatten(en);
const asked = new Set([...english.keys()].map((key) => key.replace(plural, "")));
const counted = new Set([...english.keys()].filter((key) => plural.test(key)).map((key) => key.replace(plural, "")));
const parameters = (text: string) => [...text.matchAll(/\{\{(\w+)/g)].map(([, name]) => name);

describe.each([
  ["en", en],
  ["de", de],
  ["ar", ar],
] as const)("catalogue %s", (locale, tree) => {
  const texts = flatten(tree);
  const forms = new Intl.PluralRules(locale).resolvedOptions().pluralCategories;

  it("has the texts that English has, in every plural form of its language", () => {
    const wanted = [...asked].flatMap((key) => (counted.has(key) ? forms.map((form) => `${key}_${form}`) : [key]));
    expect([...texts.keys()].toSorted()).toEqual(wanted.toSorted());
  });

  it("has no blank text and no parameter that English does not have", () => {
    for (const [key, text] of texts) {
      expect(text.trim(), key).not.toBe("");
      const base = key.replace(plural, "");
      const known = parameters(english.get(key) ?? "").concat(
        parameters(english.get(`${base}_other`) ?? ""),
        parameters(english.get(`${base}_one`) ?? ""),
      );
      for (const name of parameters(text)) expect(known, key).toContain(name);
    }
  });
});
