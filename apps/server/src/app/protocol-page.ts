import { rules } from "@presszero/contracts/rules";
import markdownIt from "markdown-it";

/** `text` is escaped. */
type Heading = { level: number; id: string; text: string };

/** docs/protocol.md as a page of HTML, with an anchor for every heading and every rule (`#sr4`). */
export function protocolPage(markdown: string): string {
  // Comments mark the generated parts, and are for whoever edits the file.
  const { html, headings } = render(markdown.replace(/^<!-- .* -->\n/gm, ""));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The realtime protocol · Press Zero</title>
<link rel="stylesheet" href="/docs/protocol.css">
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<a href="/docs/protocol">Press Zero protocol</a>
<nav aria-label="Documents"><a href="/docs">HTTP API</a> <a href="/docs/protocol.json">AsyncAPI</a></nav>
</header>
<div class="columns">
<nav class="contents" aria-label="On this page">
${contents(headings)}
</nav>
<main id="main">
${html}</main>
</div>
</body>
</html>
`;
}

function render(markdown: string): { html: string; headings: Heading[] } {
  const md = markdownIt({ html: false });
  const headings: Heading[] = [];
  const taken = new Map<string, number>();
  const { escapeHtml } = md.utils;

  md.renderer.rules.heading_open = (tokens, index) => {
    const { tag } = tokens[index]!;
    const text = tokens[index + 1]!.content;
    const id = newAnchor(text, taken);
    headings.push({ level: Number(tag.slice(1)), id, text: escapeHtml(text) });
    return `<${tag} id="${id}">`;
  };
  // A table that is wider than the page is scrolled by itself, with the keyboard too.
  md.renderer.rules.table_open = () =>
    `<div class="table" role="group" aria-label="${headings.at(-1)?.text ?? ""}" tabindex="0"><table>\n`;
  md.renderer.rules.table_close = () => "</table></div>\n";
  md.renderer.rules.fence = (tokens, index) =>
    `<pre tabindex="0"><code>${escapeHtml(tokens[index]!.content)}</code></pre>\n`;
  md.renderer.rules.text = (tokens, index) =>
    escapeHtml(tokens[index]!.content).replace(/\b[A-Z]{2}\d{1,2}\b/g, (id) =>
      id in rules ? `<a class="rule" href="#${id.toLowerCase()}">${id}</a>` : id,
    );
  // Links to other files of the repository lead nowhere from here: their words stay.
  const isHere = (href: string) => /^(#|\/|https:)/.test(href);
  md.core.ruler.push("drop_file_links", ({ tokens }) => {
    for (const { children } of tokens) {
      let isDropped = false;
      for (const token of children ?? []) {
        if (token.type === "link_open") isDropped = !isHere(String(token.attrGet("href")));
        if (isDropped && token.type.startsWith("link_")) token.hidden = true;
      }
    }
  });
  md.renderer.rules.link_open = (tokens, index, options, _env, self) =>
    tokens[index]!.hidden ? "" : self.renderToken(tokens, index, options);
  md.renderer.rules.link_close = (tokens, index) => (tokens[index]!.hidden ? "" : "</a>");

  return { html: md.render(markdown), headings };
}

/** Made from the words as repositories do it, so that one link works in both; a repeated one gets a number. */
function newAnchor(text: string, taken: Map<string, number>): string {
  const slug = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
  const before = taken.get(slug) ?? 0;
  taken.set(slug, before + 1);
  return before === 0 ? slug : `${slug}-${before}`;
}

/** Chapters, and the sections of those that have some. */
function contents(headings: readonly Heading[]): string {
  const items = headings
    .filter(({ level }) => level === 2 || level === 3)
    .map(({ level, id, text }) => `<li class="level-${level}"><a href="#${id}">${text}</a></li>`);
  return `<ul>\n${items.join("\n")}\n</ul>`;
}
