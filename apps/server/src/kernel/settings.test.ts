import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadSettings, SettingsError } from "./settings.ts";

const dataDir = () => mkdtempSync(join(tmpdir(), "presszero-settings-"));

function problemsOf(env: Record<string, string>, args: string[] = []): readonly string[] {
  try {
    loadSettings(env, args);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

test("without any variable it runs here alone, on the embedded database, with the demo company", () => {
  const settings = loadSettings({ DATA_DIR: dataDir() });
  expect(settings).toMatchObject({
    port: 4000,
    host: "127.0.0.1",
    publicUrl: "http://localhost:4000",
    databaseUrl: null,
    smtpUrl: null,
    demo: true,
    trustProxy: [],
    egressAllow: [],
  });
  expect([...settings.roles]).toEqual(["api", "gateway", "worker"]);
});

test("the secret key is made once and kept for the owner alone", () => {
  const env = { DATA_DIR: dataDir() };
  const first = loadSettings(env);
  expect(first.secretKey.length).toBeGreaterThanOrEqual(32);
  expect(loadSettings(env).secretKey).toBe(first.secretKey);
  expect(statSync(join(env.DATA_DIR, "secret-key")).mode & 0o777).toBe(0o600);
});

test("a data directory that cannot be written, or a broken key in it, is said in one sentence", () => {
  const broken = dataDir();
  const key = join(broken, "secret-key");
  writeFileSync(key, "");
  expect(problemsOf({ DATA_DIR: key })).toEqual([`DATA_DIR ${key} cannot be written (EEXIST).`]);
  expect(problemsOf({ DATA_DIR: broken })).toEqual([`${key} holds no key; remove the file to have a new one made.`]);
});

test("values are read, empty ones count as absent", () => {
  const settings = loadSettings(
    {
      DATA_DIR: dataDir(),
      PORT: "0",
      HOST: "",
      PUBLIC_URL: "https://chat.example.com/",
      DATABASE_URL: "postgres://us@db/presszero",
      SECRET_KEY: "k".repeat(32),
      TRUST_PROXY: "loopback, 10.0.0.0/8",
      EGRESS_ALLOW: "crm.internal,10.0.0.7:8080",
    },
    ["--roles", "api,gateway"],
  );
  expect(settings).toMatchObject({
    port: 0,
    host: "127.0.0.1",
    publicUrl: "https://chat.example.com",
    demo: false,
    trustProxy: ["loopback", "10.0.0.0/8"],
    egressAllow: ["crm.internal", "10.0.0.7:8080"],
  });
  expect([...settings.roles]).toEqual(["api", "gateway"]);
});

test("secrets may come from files", () => {
  const file = join(dataDir(), "key");
  writeFileSync(file, `${"f".repeat(40)}\n`);
  expect(loadSettings({ DATA_DIR: dataDir(), SECRET_KEY_FILE: file }).secretKey).toBe("f".repeat(40));
  expect(problemsOf({ SECRET_KEY_FILE: "/nowhere" })).toEqual(["SECRET_KEY_FILE cannot be read (ENOENT)."]);
  expect(problemsOf({ SECRET_KEY: "k".repeat(32), SECRET_KEY_FILE: file })).toEqual([
    "SECRET_KEY and SECRET_KEY_FILE are both set; keep one of them.",
  ]);
});

test("everything that is wrong is said at once, and no value of a secret with it", () => {
  const problems = problemsOf(
    {
      PORT: "70000",
      PUBLIC_URL: "chat.example.com/path",
      DATABASE_URL: "mysql://secret",
      SECRET_KEY: "short-secret",
      SMTP_URL: "http://secret",
      MAIL_FROM: "nobody",
      LOG_LEVEL: "loud",
      TRUST_PROXY: "the proxy",
      DEMO: "yes",
      EGRESS_ALLOW: "a b",
      METRICS_TOKEN: "secret",
    },
    ["--roles", "api,cook"],
  );
  const names =
    "PORT PUBLIC_URL DATABASE_URL SECRET_KEY SMTP_URL MAIL_FROM LOG_LEVEL TRUST_PROXY DEMO EGRESS_ALLOW METRICS_TOKEN --roles";
  expect(problems.map((problem) => problem.split(" ")[0])).toEqual(names.split(" "));
  for (const problem of problems) expect(problem).toMatch(/^\S+ must .*\.$/);
  expect(problems.join()).not.toMatch(/secret\b/);
});

test("an own database needs a secret key of its own", () => {
  expect(problemsOf({ DATABASE_URL: "postgres://us@db/presszero" })).toEqual([
    "SECRET_KEY is required together with DATABASE_URL.",
  ]);
});
