/** A piece of a text. `href` is always http:, https: or mailto:. The texts joined are the input, code point for code point. */
export type TextPart = { type: "text"; text: string } | { type: "link"; text: string; href: string };

/**
 * What may be a link: an address with http(s) or mailto, `www.…`, or an e-mail address. Every repetition is over one class
 * and, where it can fail, bounded, so the search is linear. Whitespace, quotes, angle brackets, controls and marks that
 * turn the direction of writing end a link.
 */
const candidate =
  /(?<![\p{L}\p{N}@/.])(?:(?:https?:\/\/|www\.|mailto:)[^\s<>"`\p{Cc}\p{Bidi_Control}。、，！？；：「」『』（）]+|[\w.+-]{1,64}@[\p{L}\p{N}-]{1,63}\.[\p{L}\p{N}.-]{2,200})/giu;

const closers: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };

/** Without the punctuation that belongs to the sentence: `(see https://a.example/b_(c)).` ends with the inner bracket. */
function trimEnd(text: string): string {
  const open = new Map<string, number>();
  for (const character of text) if ("()[]{}".includes(character)) open.set(character, (open.get(character) ?? 0) + 1);
  let end = text.length;
  while (end > 0) {
    const last = text[end - 1]!;
    const opener = closers[last];
    if (opener === undefined) {
      if (!".,;:!?'*_~’”»…".includes(last)) break;
    } else {
      const surplus = (open.get(last) ?? 0) - (open.get(opener) ?? 0);
      if (surplus <= 0) break;
      open.set(last, (open.get(last) ?? 0) - 1);
    }
    end -= 1;
  }
  return text.slice(0, end);
}

/** The address to open, or null when it is none that we would open: no host, or a name before an `@` that hides the host. */
function hrefOf(text: string): string | null {
  const scheme = /^(?:https?:|mailto:)/i.test(text);
  const href = scheme ? text : text.includes("@") && !/^www\./i.test(text) ? `mailto:${text}` : `https://${text}`;
  if (!URL.canParse(href)) return null;
  const url = new URL(href);
  if (url.protocol === "mailto:") return /^[^@?]+@[^@?]+\.[^@?]+/.test(url.pathname) ? href : null;
  if (url.username !== "" || url.password !== "") return null;
  return url.hostname.includes(".") || url.hostname === "localhost" ? href : null;
}

/** Splits a text into plain parts and links. Makes no HTML: render the parts as text. */
export function linkify(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let done = 0;
  for (const match of text.matchAll(candidate)) {
    const link = trimEnd(match[0]);
    const href = hrefOf(link);
    if (href === null) continue;
    if (match.index > done) parts.push({ type: "text", text: text.slice(done, match.index) });
    parts.push({ type: "link", text: link, href });
    done = match.index + link.length;
  }
  if (done < text.length) parts.push({ type: "text", text: text.slice(done) });
  return parts;
}
