// Writes the parts of docs/protocol.md that follow from the contracts. `node scripts/run.mjs scripts/write-protocol-docs.ts`
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { protocolTables } from "./protocol-tables.ts";

export const protocolDocs = join(import.meta.dirname, "../docs/protocol.md");

/** The text with its generated parts as they should be now. */
export function withCurrentTables(text: string): string {
  return Object.entries(protocolTables()).reduce((result, [name, content]) => {
    const start = `<!-- generated: ${name} -->`;
    const from = result.indexOf(start);
    const to = result.indexOf("<!-- end -->", from);
    if (from === -1 || to === -1) throw new Error(`docs/protocol.md has no place for the part "${name}".`);
    return `${result.slice(0, from)}${start}\n\n${content}\n\n${result.slice(to)}`;
  }, text);
}

if (import.meta.main) writeFileSync(protocolDocs, withCurrentTables(readFileSync(protocolDocs, "utf8")));
