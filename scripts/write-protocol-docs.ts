// Writes the tables of docs/protocol.md that follow from the contracts. `node scripts/run.mjs scripts/write-protocol-docs.ts`
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeCodes } from "../packages/contracts/src/protocol/constants.ts";
import { errorCodes } from "../packages/contracts/src/errors.ts";
import { table, withTables } from "./docs-tables.ts";

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

/** The text with its generated parts as they should be now. */
export const withCurrentTables = (text: string): string => withTables(text, tables);

if (import.meta.main) writeFileSync(protocolDocs, withCurrentTables(readFileSync(protocolDocs, "utf8")));
