// The boundary check: who may import whom, and who may name which table in SQL. The rules are those of
// docs/architecture.md; every message says what to do instead.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { listImports, scanSource } from "./source-text.ts";

/** The modules of the server, in order: each may import the ones before it. */
export const moduleOrder = [
  "identity",
  "media",
  "contacts",
  "conversations",
  "routing",
  "channels",
  "knowledge",
  "flows",
  "campaigns",
  "pages",
  "videos",
  "notifications",
  "integrations",
  "analytics",
  "compliance",
  "gateway",
] as const;

/** What each workspace may import of ours, by package name. */
const workspaceImports: Record<string, readonly string[]> = {
  "packages/contracts": [],
  "packages/sdk": ["@presszero/contracts"],
  "packages/flow": ["@presszero/contracts"],
  "packages/ui": [],
  "apps/server": ["@presszero/contracts", "@presszero/flow"],
  "apps/dashboard": ["@presszero/contracts", "@presszero/flow", "@presszero/sdk", "@presszero/ui"],
  "apps/widget": ["@presszero/contracts", "@presszero/sdk", "@presszero/ui"],
  "apps/web-chat": ["@presszero/contracts", "@presszero/sdk", "@presszero/ui", "@presszero/widget/chat"],
  "apps/site-demo": ["@presszero/contracts", "@presszero/sdk", "@presszero/ui"],
  "apps/mobile": ["@presszero/contracts", "@presszero/sdk", "@presszero/ui"],
};

export type Violation = { file: string; line: number; message: string };

/** Every broken boundary below `root`, in order of file and line. */
export function checkBoundaries(root: string): Violation[] {
  const tables = readTableOwners(join(root, "apps/server/migrations"));
  const violations: Violation[] = [];
  for (const file of listSources(root)) {
    const source = readFileSync(join(root, file), "utf8");
    const report = (line: number, message: string) => violations.push({ file, line, message });
    checkImports(file, source, report);
    if (file.startsWith("apps/server/src/") && !isTestFile(file)) {
      checkTables(file, source, tables, report);
      checkClock(file, source, report);
    }
  }
  return violations.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
}

type Report = (line: number, message: string) => void;

function listSources(root: string): string[] {
  const files: string[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (["node_modules", "dist"].includes(entry.name) || entry.name.startsWith(".")) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (/\.(tsx?|mts)$/.test(entry.name)) files.push(relative(root, path).replaceAll("\\", "/"));
    }
  };
  for (const group of ["apps", "packages"]) if (existsSync(join(root, group))) visit(join(root, group));
  return files;
}

/** Tests and what only tests use may reach further than the product. */
function isTestFile(file: string): boolean {
  return /\.test\.tsx?$|\/(testing|test-)[^/]*(\.ts$|\/)|\/vitest\.config\.ts$/.test(file);
}

// ---- imports

function checkImports(file: string, source: string, report: Report) {
  const workspace = file.split("/").slice(0, 2).join("/");
  const allowed = workspaceImports[workspace];
  if (!allowed) {
    report(1, `${workspace} has no place in the house yet: add it to docs/architecture.md and scripts/boundaries.ts.`);
    return;
  }
  for (const { specifier, line } of listImports(source)) {
    if (specifier.startsWith(".")) {
      const target = posix.normalize(posix.join(posix.dirname(file), specifier));
      if (!target.startsWith(`${workspace}/`)) checkForeignFile(file, target, (message) => report(line, message));
      else if (workspace === "apps/server") checkServerImport(file, target, (message) => report(line, message));
    } else if (specifier.startsWith("@presszero/") && !isTestFile(file)) {
      // Style sheets and other files of an allowed package are fine; web-chat gets one door of the widget only.
      const own = `@presszero/${workspace.split("/")[1]}`;
      const isAllowed = [own, ...allowed].some((name) => specifier === name || specifier.startsWith(`${name}/`));
      if (!isAllowed) report(line, explainPackage(workspace, specifier, allowed));
    }
  }
}

function explainPackage(workspace: string, specifier: string, allowed: readonly string[]): string {
  if (workspace.startsWith("packages/") && !allowed.length) {
    return `${workspace} imports nothing of ours: move what you need from ${specifier} down, or hand it in as a parameter.`;
  }
  return `${workspace} may not import ${specifier}, only ${allowed.join(", ") || "nothing of ours"}: move the shared part into a package it may import.`;
}

function checkForeignFile(file: string, target: string, report: (message: string) => void) {
  if (isTestFile(file)) return;
  if (target.startsWith("packages/") || target.startsWith("apps/")) {
    report(
      `Import another workspace by its package name (@presszero/…) and its public exports, not by the path ${target}.`,
    );
  }
}

/** Where a file of the server lives: its ring, and the module or connector of that ring. */
function placeOf(file: string): { ring: string; name: string } {
  const [ring = "", name = ""] = file.slice("apps/server/src/".length).split("/");
  return { ring, name };
}

function checkServerImport(file: string, target: string, report: (message: string) => void) {
  if (!target.startsWith("apps/server/src/")) return;
  const from = placeOf(file);
  const to = placeOf(target);
  const face = `modules/${to.name}/index.ts`;
  const isFace = target === `apps/server/src/${face}`;

  if (from.ring === "modules" && !isModule(from.name) && !isTestFile(file)) {
    report(
      `The module ${from.name} has no place in the order yet: add it to docs/architecture.md and scripts/boundaries.ts.`,
    );
    return;
  }
  if (isTestFile(file)) {
    if (to.ring === "modules" && isOther(from, to) && !isFace && !isTestFile(target)) {
      report(`A test uses other modules through their public face: import ${face}.`);
    }
    return;
  }
  if (isTestFile(target)) {
    report("The product never imports what is there for tests: move the shared part into a file of its own.");
    return;
  }
  if (to.ring === "app" && from.ring !== "app" && from.ring !== "main.ts") {
    report("Nobody imports app: it wires the others. Take what you need as a parameter or through the ctx.");
    return;
  }
  if (from.ring === "kernel" && to.ring !== "kernel") {
    report("The kernel imports only the kernel: move this into the kernel, or hand it in from app.");
    return;
  }
  if (from.ring === "connectors" && (to.ring === "modules" || (to.ring === "connectors" && isOther(from, to)))) {
    report("A connector imports the kernel and contracts only: return data and let the channels module act on it.");
    return;
  }
  if (from.ring === "modules" && to.ring === "connectors") {
    report("Modules do not import connectors: app registers them as ports.");
    return;
  }
  if (to.ring !== "modules" || !isOther(from, to)) return;
  if (!isFace) {
    report(`Import the public face ${face}, and export there what is missing.`);
    return;
  }
  if (from.ring === "modules" && orderOf(to.name) > orderOf(from.name)) {
    report(
      `${from.name} stands above ${to.name} and may not import it: let ${to.name} consume an event of ${from.name}, ` +
        "or move the shared part up.",
    );
  }
}

const isOther = (from: { ring: string; name: string }, to: { ring: string; name: string }) =>
  from.ring !== to.ring || from.name !== to.name;
const isModule = (name: string) => (moduleOrder as readonly string[]).includes(name);
const orderOf = (name: string) => (moduleOrder as readonly string[]).indexOf(name);

// ---- tables

/** Table → the module (or kernel) whose migration creates it: line `-- owner: module`, else the name NNNN_module.sql. */
export function readTableOwners(migrations: string): Map<string, string> {
  const owners = new Map<string, string>();
  if (!existsSync(migrations)) return owners;
  for (const name of readdirSync(migrations).sort()) {
    if (!name.endsWith(".sql")) continue;
    const text = readFileSync(join(migrations, name), "utf8");
    const owner = /^-- owner: *(\w+)/m.exec(text)?.[1] ?? /^\d+_([a-z]+)/.exec(name)?.[1] ?? name;
    for (const match of text.matchAll(/^\s*create +(?:unlogged +)?table +(?:if +not +exists +)?(\w+)/gim)) {
      owners.set(match[1]!, owner);
    }
  }
  return owners;
}

const kyselyCall =
  /\.(selectFrom|insertInto|updateTable|deleteFrom|mergeInto|(?:inner|left|right|full|cross)(?:Lateral)?Join)\s*\(\s*$/;
const writingCalls = ["insertInto", "updateTable", "deleteFrom", "mergeInto"];
const sqlStart =
  /^\s*(select\s|insert\s+into\s|update\s+\w+\s|delete\s+from\s|merge\s+into\s|truncate\s|lock\s+table\s|with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s)/i;

/** Files that may name any table, and why. */
const tableExceptions: Record<string, string> = {
  "apps/server/src/app/demo/backdate.ts": "moves the demo's history into the past, which no service can do",
};

function checkTables(file: string, source: string, owners: Map<string, string>, report: Report) {
  if (file in tableExceptions) return;
  const { code, literals } = scanSource(source);
  const { ring, name } = placeOf(file);
  const owner = ring === "modules" ? name : ring;
  const isView = ring === "modules" && /(^|[/-])views(\.ts$|\/)/.test(file);
  const isStore = ring === "kernel" || (ring === "modules" && /(^|[/-])(store|writer)(\.ts$|\/)/.test(file));

  const use = (table: string, line: number, writes: boolean) => {
    const tableOwner = owners.get(table);
    if (!tableOwner) return;
    if (isView && writes) report(line, `Views only read: move the write to ${table} into the store of ${tableOwner}.`);
    if (tableOwner === owner || isView) return;
    report(
      line,
      tableOwner === "kernel"
        ? `The table ${table} belongs to the kernel: call the kernel's function for it, or read it in views.ts.`
        : `The table ${table} belongs to ${tableOwner}: call the public face of ${tableOwner}, or read it in views.ts.`,
    );
  };
  const useSql = (line: number) => {
    if (!isStore && !isView)
      report(line, "SQL lives in store.ts (own tables) and views.ts (reading for a screen): move it there.");
  };

  for (const literal of literals) {
    const call = kyselyCall.exec(code.slice(Math.max(0, literal.start - 200), literal.start));
    if (call) {
      useSql(literal.line);
      use(literal.text.trim().split(/\s/)[0]!, literal.line, writingCalls.includes(call[1]!));
    } else if (literal.tag === "sql" || sqlStart.test(literal.text)) {
      useSql(literal.line);
      for (const { table, writes, offset } of listTables(literal.text)) {
        use(table, literal.line + countNewlines(literal.text.slice(0, offset)), writes);
      }
    }
  }
  for (const match of code.matchAll(/\bwithTables\s*<\s*\{([^}]*)\}/g)) {
    for (const key of match[1]!.matchAll(/(\w+)\s*:/g))
      use(key[1]!, countNewlines(code.slice(0, match.index)) + 1, false);
  }
}

/** The tables that a piece of SQL names, without those it defines itself in `with`. */
function listTables(text: string): { table: string; writes: boolean; offset: number }[] {
  const defined = new Set(
    [...text.matchAll(/\b(\w+)\s*(?:\([^)]*\)\s*)?as\s+(?:not\s+)?(?:materialized\s+)?\(/gi)].map((m) => m[1]!),
  );
  const found: { table: string; writes: boolean; offset: number }[] = [];
  const pattern =
    /\b(from|join|into|update|table|truncate|using)\s+(?:only\s+|lateral\s+)?((?:"?\w+"?(?:\s+(?:as\s+)?\w+)?\s*,\s*)*"?\w+"?)/gi;
  for (const match of text.matchAll(pattern)) {
    const keyword = match[1]!.toLowerCase();
    // `select … for update`, `on conflict do update` and `delete … using` are told from writes by what stands before.
    const before = text.slice(0, match.index).trimEnd().toLowerCase();
    const writes =
      keyword === "into" ||
      keyword === "truncate" ||
      keyword === "table" ||
      (keyword === "update" && !/\b(for|do|key)$/.test(before)) ||
      (keyword === "from" && before.endsWith("delete"));
    for (const item of match[2]!.split(",")) {
      const table = item.trim().split(/\s/)[0]!.replaceAll('"', "");
      if (!defined.has(table)) found.push({ table, writes, offset: match.index });
    }
  }
  return found;
}

// ---- clock

function checkClock(file: string, source: string, report: Report) {
  if (file === "apps/server/src/kernel/clock.ts") return;
  const { code } = scanSource(source);
  for (const match of code.matchAll(/\bnew\s+Date\s*\(\s*\)|\bDate\s*\.\s*now\b/g)) {
    report(
      countNewlines(code.slice(0, match.index)) + 1,
      "Ask ctx.clock for the time (or Postgres), so that tests can set it.",
    );
  }
}

function countNewlines(text: string): number {
  return text.split("\n").length - 1;
}

if (import.meta.main) {
  const root = dirname(import.meta.dirname);
  const violations = checkBoundaries(root);
  for (const { file, line, message } of violations) console.error(`${file}:${line}  ${message}`);
  if (violations.length > 0) process.exit(1);
}
