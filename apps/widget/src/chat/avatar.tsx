const words = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The first character of the first and the last word, as a reader sees characters. */
export function initials(name: string): string {
  const parts = name.split(/[\s&]+/u).filter((part) => /[\p{L}\p{N}]/u.test(part));
  const first = (part: string | undefined) =>
    part ? (words.segment(part)[Symbol.iterator]().next().value?.segment ?? "") : "";
  return (first(parts[0]) + (parts.length > 1 ? first(parts.at(-1)) : "")).toLocaleUpperCase();
}

/** Decorative: the name stands beside it. */
export function Avatar({ name }: { name: string }) {
  return (
    <span class="avatar" aria-hidden="true">
      {initials(name)}
    </span>
  );
}
