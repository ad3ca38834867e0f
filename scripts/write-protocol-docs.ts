// Writes the tables of docs/protocol.md that follow from the contracts. `node scripts/run.mjs scripts/write-protocol-docs.ts`
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeCodes } from "../packages/contracts/src/protocol/constants.ts";
import { errorCodes } from "../packages/contracts/src/errors.ts";

export const protocolDocs = join(import.meta.dirname, "../docs/protocol.md");

const yes = (value: boolean) => (value ? "yes" : "no");

const tables: Record<string, string> = {
  "close codes": table(
    ["code", "name", "terminal"],
    Object.entries(closeCodes).map(([code, { name, terminal }]) => [code, `\`${name}\``, yes(terminal)]),
  ),
  errors: table(
    ["code", "HTTP", "retry", "meaning"],
    Object.entries(errorCodes).map(([code, { status, retry, meaning }]) => [
      `\`${code}\``,
      String(status),
      yes(retry),
      meaning,
    ]),
  ),
};

/** The columns are padded as the formatter would. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** The text with its generated parts as they should be now. */
export function withCurrentTables(text: string): string {
  return Object.entries(tables).reduce((result, [name, content]) => {
    const start = `<!-- generated: ${name} -->`;
    const from = result.indexOf(start);
    const to = result.indexOf("<!-- end -->", from);
    if (from === -1 || to === -1) throw new Error(`docs/protocol.md has no place for the table "${name}".`);
    return `${result.slice(0, from)}${start}\n\n${content}\n\n${result.slice(to)}`;
  }, text);
}

if (import.meta.main) writeFileSync(protocolDocs, withCurrentTables(readFileSync(protocolDocs, "utf8")));
