import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { fold, fragmentsOf, queryOf, wordsOf } from "./words.ts";

const marked = (text: string, query: string) =>
  fragmentsOf(text, query)
    .map((fragment) => (fragment.hit ? `[${fragment.text}]` : fragment.text))
    .join("");

test("fold makes one word of what people call one word", () => {
  for (const [a, b] of [
    ["Straße", "STRASSE"],
    ["Café", "cafe"],
    ["Ünïcödé", "unicode"],
    ["أحمد", "احمد"],
    ["ﬁne", "fine"],
    ["ＡＢＣ", "abc"],
    ["Việt", "viet"],
  ]) {
    expect(fold(a!), a).toBe(fold(b!));
  }
});

test("words of spaced and of unspaced scripts", () => {
  expect(wordsOf("The order #4711 isn't here")).toEqual(["the", "order", "4711", "isn", "t", "here"]);
  expect(wordsOf("你好吗")).toEqual(["你", "好", "吗", "你好", "好吗"]);
  expect(wordsOf("Order订单")).toEqual(["order", "订", "单", "订单"]);
  expect(wordsOf("…!? 👍")).toEqual([]);
});

describe("a query", () => {
  it("takes the last word as a beginning while it is being typed", () => {
    expect(queryOf("late ord")).toBe("'late' & 'ord':*");
    expect(queryOf("late order ")).toBe("'late' & 'order'");
    expect(queryOf("订单号")).toBe("'订单' & '单号'");
    expect(queryOf("单")).toBe("'单'");
    expect(queryOf(" ?! ")).toBeNull();
  });

  it("holds nothing but letters, whatever was typed", () => {
    const property = fc.property(fc.string({ unit: "grapheme", maxLength: 80 }), (text) => {
      const query = queryOf(text) ?? "'nothing'";
      return /^'[\p{L}\p{N}]+'(:\*)?( & '[\p{L}\p{N}]+'(:\*)?)*$/u.test(query);
    });
    expect(fc.check(property).failed).toBe(false);
  });
});

describe("fragments", () => {
  it("show the words in their place", () => {
    expect(marked("My order has not arrived", "order arr")).toBe("My [order] has not [arrived]");
    expect(marked("Meine Straße, bitte", "strasse")).toBe("Meine [Straße], bitte");
    expect(marked("我的订单在哪里", "订单")).toBe("我的[订单]在哪里");
  });

  it("are cut around the first hit", () => {
    const text = `${"Lorem ipsum ".repeat(30)}needle${" dolor sit".repeat(50)}`;
    const shown = marked(text, "needle");
    expect(shown).toContain("[needle]");
    expect(shown.startsWith("…")).toBe(true);
    expect(shown.endsWith("…")).toBe(true);
    expect(shown.length).toBeLessThan(260);
  });

  it("are all of a short text, whatever is looked for", () => {
    const short = fc.string({ unit: "grapheme", maxLength: 40 });
    const property = fc.property(short, fc.string({ maxLength: 10 }), (text, query) => {
      const whole = fragmentsOf(text, query).map((fragment) => fragment.text);
      return whole.join("") === text.toWellFormed();
    });
    expect(fc.check(property).failed).toBe(false);
  });
});
