// Writes the parts of docs/protocol.md that follow from the contracts. `node scripts/run.mjs scripts/write-protocol-docs.ts`
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withTables } from "./docs-tables.ts";
import { protocolTables } from "./protocol-tables.ts";

export const protocolDocs = join(import.meta.dirname, "../docs/protocol.md");

/** The text with its generated parts as they should be now. */
export const withCurrentTables = (text: string): string => withTables(text, protocolTables());

if (import.meta.main) writeFileSync(protocolDocs, withCurrentTables(readFileSync(protocolDocs, "utf8")));
