/** A table in Markdown; the columns are padded as the formatter would. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** The text with its generated parts, between `<!-- generated: NAME -->` and `<!-- end -->`, as they should be now. */
export function withTables(text: string, tables: Record<string, string>): string {
  return Object.entries(tables).reduce((result, [name, content]) => {
    const start = `<!-- generated: ${name} -->`;
    const from = result.indexOf(start);
    const to = result.indexOf("<!-- end -->", from);
    if (from === -1 || to === -1) throw new Error(`There is no place for the table "${name}".`);
    return `${result.slice(0, from)}${start}\n\n${content}\n\n${result.slice(to)}`;
  }, text);
}
