// `npm run check`: format, lint, types, boundaries and dead code, side by side. One line per part, and what is wrong.
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { prepare, root, runQuietly } from "./toolchain.mjs";

const node = await prepare();

const typed = [
  ".",
  "scripts",
  "e2e",
  "bench",
  "chaos",
  ...["apps", "packages"].flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}`)),
];
const parts = [
  { name: "lint", command: "oxlint", args: ["--type-aware", "--quiet"] },
  { name: "dead code", command: "knip", args: ["--no-progress"] },
  { name: "format", command: "oxfmt", args: ["--check"] },
  { name: "boundaries", command: node, args: ["scripts/boundaries.ts"] },
  ...typed
    .filter((folder) => existsSync(join(root, folder, "tsconfig.json")))
    .map((folder) => ({
      name: `types of ${folder === "." ? "the root" : folder}`,
      command: "tsc",
      args: ["-p", folder],
    })),
];

let failed = 0;
const waiting = [...parts];
async function work() {
  for (let part = waiting.shift(); part; part = waiting.shift()) {
    const started = performance.now();
    const { code, output } = await runQuietly(part.command, part.args);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (code !== 0) failed++;
    console.log(`${code === 0 ? "✓" : "✗"} ${part.name} (${seconds} s)`);
    if (code !== 0) console.log(output.trimEnd().replace(/^/gm, "    "));
  }
}
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));

console.log(failed === 0 ? `All ${parts.length} checks passed.` : `${failed} of ${parts.length} checks failed.`);
process.exit(failed === 0 ? 0 : 1);
