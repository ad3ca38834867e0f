import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

const kB = 1000;
let outDir: string;

beforeAll(async () => {
  outDir = mkdtempSync(join(tmpdir(), "presszero-widget-"));
  await build({
    root: fileURLToPath(new URL("..", import.meta.url)),
    logLevel: "warn",
    build: { outDir, emptyOutDir: true },
  });
}, 60_000);

afterAll(() => rmSync(outDir, { recursive: true }));

const sizeOf = (file: string) => gzipSync(readFileSync(join(outDir, file)), { level: 9 }).length;

test("the loader is at most 3 kB", () => {
  expect(sizeOf("widget.js")).toBeLessThanOrEqual(3 * kB);
});

test("the loader is a classic script that leaves no names behind", () => {
  const code = readFileSync(join(outDir, "widget.js"), "utf8");
  expect(code).toMatch(/^\(?(?:function|\(\) ?=>)/);
  expect(code).not.toMatch(/\b(?:import|export)\b\s*[{"'`(]/);
});

test("the framed app with all its languages is at most 60 kB", () => {
  const assets = readdirSync(join(outDir, "assets")).map((file) => join("assets", file));
  expect(assets.some((file) => file.endsWith(".js")) && assets.some((file) => file.endsWith(".css"))).toBe(true);
  const total = ["frame.html", ...assets].reduce((sum, file) => sum + sizeOf(file), 0);
  expect(total).toBeLessThanOrEqual(60 * kB);
});
