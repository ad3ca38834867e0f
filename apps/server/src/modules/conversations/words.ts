import type { Fragment } from "@presszero/contracts";

/** Letters of scripts that put no space between words. */
const unspacedLetters =
  "[[\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Hangul}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}]&&\\p{L}]";
const unspaced = new RegExp(unspacedLetters, "v");
const run = new RegExp(`${unspacedLetters}+|[[\\p{L}\\p{N}]--${unspacedLetters}]+`, "gv");
/** Postgres takes lexemes below 2 KiB; nobody looks for a longer word. */
const maxWord = 64;

/** The same for what a person would call the same word: "Straße" and "STRASSE", "é" and "e", "أحمد" and "احمد". */
export function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}|\u0640/gu, "")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .normalize("NFC");
}

/** The words of a text as they are stored and looked for; where words are not spaced, single characters and pairs of them. */
export function wordsOf(text: string): string[] {
  const words = new Set<string>();
  for (const [part] of fold(text).matchAll(run)) {
    for (const piece of piecesOf(part)) words.add(piece);
  }
  return [...words];
}

function piecesOf(part: string): string[] {
  if (!unspaced.test(part)) return [part.slice(0, maxWord)];
  const characters = Array.from(part);
  const pairs = characters.slice(1).map((character, index) => characters[index]! + character);
  return [...characters, ...pairs];
}

/**
 * A query in Postgres' own language: all words have to be there, the last one, as long as it is being typed, as a
 * beginning. Null when there is nothing to look for.
 */
export function queryOf(text: string): string | null {
  const parts = Array.from(fold(text).matchAll(run), ([part]) => part);
  if (parts.length === 0) return null;
  const isTyping = /[\p{L}\p{N}]$/u.test(text);
  const terms = parts.flatMap((part, index) => {
    const isLast = index === parts.length - 1;
    const pieces = piecesOf(part);
    // Pairs say all that single characters say, and more.
    const telling = pieces.length > 1 ? pieces.slice(Math.ceil(pieces.length / 2)) : pieces;
    return telling.map((piece) => (isLast && isTyping && !unspaced.test(piece) ? `'${piece}':*` : `'${piece}'`));
  });
  return terms.join(" & ");
}

const before = 60;
const most = 240;

/** The place of a text where the query's words are, at most 240 characters of it, with the words told apart. */
export function fragmentsOf(text: string, query: string): Fragment[] {
  const hits = hitsOf(text, query);
  const start = Math.max(0, (hits[0]?.from ?? 0) - before);
  const from = start === 0 ? 0 : startOfWord(text, start);
  const to = Math.min(text.length, from + most);
  const fragments: Fragment[] = [];
  let at = from;
  const add = (end: number, hit: boolean) => {
    if (end > at) fragments.push({ text: text.slice(at, end), hit });
    at = Math.max(at, end);
  };
  for (const hit of hits) {
    if (hit.from < at) continue;
    if (hit.to > to) break;
    add(hit.from, false);
    add(hit.to, true);
  }
  add(to, false);
  const first = fragments[0];
  if (first && from > 0) first.text = `…${first.text}`;
  const last = fragments.at(-1);
  if (last && to < text.length) last.text = `${last.text.trimEnd()}…`;
  return fragments.map((fragment) => ({ ...fragment, text: fragment.text.toWellFormed() }));
}

/** Where in the text, in UTF-16 units, the words of the query are, in order. */
function hitsOf(text: string, query: string): { from: number; to: number }[] {
  const parts = Array.from(fold(query).matchAll(run), ([part]) => part);
  const hits: { from: number; to: number }[] = [];
  for (const match of text.matchAll(/[\p{L}\p{N}\p{M}\u0640]+/gu)) {
    const folded = fold(match[0]);
    for (const part of parts) {
      if (unspaced.test(part)) {
        const inside = match[0].indexOf(part);
        if (inside >= 0) hits.push({ from: match.index + inside, to: match.index + inside + part.length });
      } else if (folded.startsWith(part)) {
        hits.push({ from: match.index, to: match.index + match[0].length });
        break;
      }
    }
  }
  return hits.sort((a, b) => a.from - b.from);
}

function startOfWord(text: string, at: number): number {
  const space = text.indexOf(" ", at);
  return space >= 0 && space - at < before / 2 ? space + 1 : at;
}
