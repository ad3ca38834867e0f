/**
 * A string or template in TypeScript source: its text, and where its opening quote stands (line from 1). `tag` is the name
 * before a template: `sql` in sql`…` and sql<Row>`…`.
 */
export type Literal = { text: string; start: number; line: number; tag: string | null };

/**
 * What the boundary check reads from a file, by a light scan instead of a parser: `code` is the source with comments,
 * string contents and regular expressions blanked (same length, same lines), `literals` are the strings and templates
 * (what stands in `${}` is scanned as code, and left out of the text).
 */
export function scanSource(source: string): { code: string; literals: Literal[] } {
  const literals: Literal[] = [];
  const code = source.split("");
  let at = 0;
  let line = 1;

  const blank = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (code[i] !== "\n") code[i] = " ";
  };
  const countLines = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (source[i] === "\n") line++;
  };

  function skipTo(end: number) {
    blank(at, end);
    countLines(at, end);
    at = end;
  }

  function readString(quote: string) {
    const start = at;
    let end = at + 1;
    while (end < source.length && source[end] !== quote && source[end] !== "\n") end += source[end] === "\\" ? 2 : 1;
    literals.push({ text: source.slice(start + 1, end), start, line, tag: null });
    blank(start + 1, end);
    at = Math.min(end + 1, source.length);
  }

  function readTemplate() {
    const literal: Literal = { text: "", start: at, line, tag: tagBefore(source.slice(0, at)) };
    literals.push(literal);
    at++;
    while (at < source.length && source[at] !== "`") {
      if (source.startsWith("${", at)) {
        literal.text += "$";
        at += 2;
        readCode("}");
        at++;
        continue;
      }
      const length = source[at] === "\\" ? 2 : 1;
      literal.text += source.slice(at, at + length);
      countLines(at, at + length);
      blank(at, at + length);
      at += length;
    }
    at++;
  }

  function readRegExp() {
    let end = at + 1;
    let inClass = false;
    while (end < source.length && source[end] !== "\n" && (inClass || source[end] !== "/")) {
      if (source[end] === "\\") end++;
      else if (source[end] === "[") inClass = true;
      else if (source[end] === "]") inClass = false;
      end++;
    }
    skipTo(Math.min(end + 1, source.length));
  }

  /** Reads until `close` of this nesting level, or the end of the file. */
  function readCode(close: string | null) {
    let depth = 0;
    while (at < source.length) {
      const char = source[at]!;
      if (depth === 0 && char === close) return;
      if (source.startsWith("//", at)) skipTo(endOf(source, "\n", at));
      else if (source.startsWith("/*", at)) skipTo(Math.min(endOf(source, "*/", at + 2) + 2, source.length));
      else if (char === '"' || char === "'") readString(char);
      else if (char === "`") readTemplate();
      else if (char === "/" && startsRegExp(source.slice(Math.max(0, at - 60), at))) readRegExp();
      else {
        if (char === "{") depth++;
        if (char === "}") depth--;
        if (char === "\n") line++;
        at++;
      }
    }
  }

  readCode(null);
  return { code: code.join(""), literals };
}

/** The name that a template follows, with or without type arguments between the two. */
function tagBefore(before: string): string | null {
  let end = before.length;
  if (before[end - 1] === ">") {
    let depth = 0;
    do {
      end--;
      if (before[end] === ">" && before[end - 1] !== "=") depth++;
      if (before[end] === "<") depth--;
    } while (end > 0 && depth > 0);
  }
  return /[A-Za-z_$][\w$]*$/.exec(before.slice(Math.max(0, end - 40), end))?.[0] ?? null;
}

function endOf(source: string, text: string, from: number): number {
  const index = source.indexOf(text, from);
  return index === -1 ? source.length : index;
}

/** A slash after an operator, an opening bracket or a keyword begins a regular expression; after a value it divides. */
function startsRegExp(before: string): boolean {
  const trimmed = before.trimEnd();
  return (
    trimmed === "" || /[(,=:[!&|?{};<>+\-*%~^]$/.test(trimmed) || /\b(return|typeof|case|in|of|await)$/.test(trimmed)
  );
}

/** The modules that a file imports, exports from or loads, with their lines. */
export function listImports(source: string): { specifier: string; line: number }[] {
  const { code } = scanSource(source);
  const found: { specifier: string; line: number }[] = [];
  // In `code` the contents of strings are blank, so the quotes are where the specifier stands in `source`.
  const pattern = /\b(?:import|export)\b[^"'`;]*?\bfrom\s*(["'])|\bimport\s*\(?\s*(["'])/g;
  for (const match of code.matchAll(pattern)) {
    const start = match.index + match[0].length;
    const end = source.indexOf(match[1] ?? match[2]!, start);
    found.push({ specifier: source.slice(start, end), line: source.slice(0, start).split("\n").length });
  }
  return found;
}
