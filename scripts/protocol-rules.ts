// Which rules of the protocol are named where: in titles of tests, in conformance scripts, in chaos scenarios, in sources.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rules } from "../packages/contracts/src/protocol/rules.ts";
import { scanSource } from "./source-text.ts";

const root = join(import.meta.dirname, "..");
const prefixes = [...new Set(Object.keys(rules).map((id) => id.replace(/\d+$/, "")))];
const ruleId = new RegExp(`\\b(?:${prefixes.join("|")})\\d{1,2}\\b`, "g");

export type Mention = { file: string; id: string };

/** The rules that a text names. */
export function ruleIdsIn(text: string): string[] {
  return text.match(ruleId) ?? [];
}

/** The titles in a test file: first arguments of `it`, `test` and `describe`, their `.each` and the like included. */
export function titlesOf(source: string): string[] {
  const { code, literals } = scanSource(source);
  const calls =
    /(?:\b(?:it|test|describe)(?:\.\w+)*|\b(?:it|test|describe)\.\w+\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))\(\s*$/;
  return literals.filter(({ start }) => calls.test(code.slice(0, start))).map(({ text }) => text);
}

const files = (...patterns: string[]) =>
  globSync(patterns, { cwd: root, exclude: (name) => ["node_modules", "dist"].includes(name) });
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** What is tested: rules in titles, in the `rules` of conformance scripts, and in what chaos scenarios expect. */
export function provenRules(): Mention[] {
  const tests = files("{apps,packages,chaos,scripts,e2e}/**/*.{test,spec}.{ts,tsx}").filter(
    (file) => !file.endsWith("protocol-rules.test.ts"),
  );
  const scripts = files("packages/contracts/conformance/*.json");
  const scenarios = files("chaos/scenarios/*.ts");
  return [
    ...tests.flatMap((file) => mentions(file, titlesOf(read(file)).join("\n"))),
    ...scripts.flatMap((file) =>
      (JSON.parse(read(file)) as { scripts: { rules: string[] }[] }).scripts.flatMap((script) =>
        script.rules.map((id) => ({ file, id })),
      ),
    ),
    ...scenarios.flatMap((file) => mentions(file, (read(file).match(/expects:\s*"[^"]*"/g) ?? []).join("\n"))),
  ];
}

/** Every rule that a source or a document names. */
export function namedRules(): Mention[] {
  const sources = files("{apps,packages}/*/src/**/*.{ts,tsx}", "{apps,packages,chaos,docs}/**/*.md", "*.md");
  return sources.flatMap((file) => mentions(file, read(file)));
}

const mentions = (file: string, text: string): Mention[] => ruleIdsIn(text).map((id) => ({ file, id }));
