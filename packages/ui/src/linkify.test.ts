import fc from "fast-check";
import { expect, test } from "vitest";
import { linkify } from "./linkify.ts";

const links = (text: string) => linkify(text).flatMap((part) => (part.type === "link" ? [part.text] : []));
const hrefs = (text: string) => linkify(text).flatMap((part) => (part.type === "link" ? [part.href] : []));

test.each([
  ["see https://shop.example/mugs?size=s&x=1#top now", ["https://shop.example/mugs?size=s&x=1#top"]],
  ["HTTP://SHOP.EXAMPLE", ["HTTP://SHOP.EXAMPLE"]],
  ["two: http://a.example http://b.example:3000/x", ["http://a.example", "http://b.example:3000/x"]],
  ["http://ああ.example/é and http://de.example/Straße–Süd", ["http://ああ.example/é", "http://de.example/Straße–Süd"]],
  ["http://localhost:4000/demo", ["http://localhost:4000/demo"]],
])("finds addresses in %j", (text, expected) => {
  expect(links(text)).toEqual(expected);
});

test.each([
  ["Is it https://shop.example/tea?", ["https://shop.example/tea"]],
  ["(https://shop.example/tea).", ["https://shop.example/tea"]],
  ["https://wiki.example/Tea_(meal)", ["https://wiki.example/Tea_(meal)"]],
  ["(see https://wiki.example/Tea_(meal))", ["https://wiki.example/Tea_(meal)"]],
  ["“https://shop.example/a”", ["https://shop.example/a"]],
  ["これはhttps://shop.example/a。です", []],
  ["これは https://shop.example/a。です", ["https://shop.example/a"]],
])("leaves the punctuation of the sentence out: %j", (text, expected) => {
  expect(links(text)).toEqual(expected);
});

test("an address without a scheme is opened by https, an e-mail address by mailto", () => {
  expect(hrefs("www.shop.example/tea or help@shop.example, mailto:a@b.example")).toEqual([
    "https://www.shop.example/tea",
    "mailto:help@shop.example",
    "mailto:a@b.example",
  ]);
});

test.each([
  "javascript:alert(1)",
  "data:text/html,<script>",
  "https://",
  "http://no-tld",
  "https://bank.example@evil.example/login",
  "https://user:secret@shop.example",
  "mailto:nobody",
  "name@host",
  "xhttps://shop.example",
])("%j is not a link", (text) => {
  expect(links(text)).toEqual([]);
});

test("a mark that turns the direction ends a link, so that what is read is what is opened", () => {
  expect(hrefs("https://shop.example/\u202egnp.exe")).toEqual(["https://shop.example/"]);
});

test("the parts joined are the text, and every link has a safe scheme", () => {
  const bits = fc.constantFrom(
    "http://",
    "https://",
    "www.",
    "mailto:",
    "a.example",
    "@",
    "(",
    ")",
    ".",
    " ",
    "\n",
    "\u202e",
    "<b>",
    "é",
    "😀",
    "\ud800",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.array(bits).map((all) => all.join("")),
      ),
      (text) => {
        const parts = linkify(text);
        expect(parts.map((part) => part.text).join("")).toBe(text);
        for (const part of parts) {
          expect(part.text).not.toBe("");
          if (part.type === "link") expect(new URL(part.href).protocol).toMatch(/^(https?|mailto):$/);
        }
      },
    ),
  );
});
