// `npm start` as a person meets it: in a fresh copy of the repository, with nothing installed or built.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDirectory, findFreePort, waitUntilReady } from "./product.ts";

const root = join(import.meta.dirname, "..");
let copy: string;
let dataDir: string;
let url: string;
let env: NodeJS.ProcessEnv;
let running: ChildProcess | null = null;
let output = "";

beforeAll(async () => {
  copy = await createDirectory("presszero-start-");
  dataDir = join(copy, ".data");
  const port = await findFreePort();
  url = `http://127.0.0.1:${port}`;
  env = { ...freshEnvironment(), PORT: String(port), DATA_DIR: dataDir, npm_config_prefer_offline: "true" };
  const files = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const file of files.split("\0").filter((name) => name !== "" && existsSync(join(root, name)))) {
    cpSync(join(root, file), join(copy, file));
  }
});

afterAll(async () => {
  await end("SIGINT");
  await rm(copy, { recursive: true, force: true });
});

/** The environment of a terminal, not that of a script which npm runs in this checkout. */
function freshEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle|node|execpath|command|config_local_prefix)|INIT_CWD|NODE_OPTIONS|VITEST|NODE_ENV|TEST)/.test(
        name,
      ),
  );
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) };
}

/** Runs `npm start` and returns when it is ready, with what it printed; fails when that takes longer than `seconds`. */
async function start(seconds: number): Promise<string> {
  output = "";
  const child = spawn("npm", ["start"], { cwd: copy, env, stdio: ["ignore", "pipe", "pipe"] });
  running = child;
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await waitUntilReady(
    url,
    () => {
      if (child.exitCode !== null)
        throw new Error(`npm start ended with ${child.exitCode} before it was ready.\n${output}`);
    },
    seconds,
  );
  return output;
}

/** Ends the running product; returns its exit code. */
async function end(signal: NodeJS.Signals): Promise<number | null> {
  if (!running || running.exitCode !== null || running.signalCode !== null) return null;
  const ended = once(running, "exit");
  running.kill(signal);
  const [code] = await ended;
  return code as number | null;
}

async function call<T>(method: "GET" | "POST", path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status, `${method} ${path}: ${await response.clone().text()}\n${output}`).toBeLessThan(300);
  return (await response.json()) as T;
}

test("npm start installs, builds, starts, and keeps everything through a clean stop and a kill", async () => {
  expect(await start(300)).toContain("Installing packages");
  for (const path of ["/", "/demo/", "/chat/demoshop00000000", "/docs"]) {
    const response = await fetch(`${url}${path}`);
    expect(response.status, path).toBe(200);
    expect(response.headers.get("content-type"), path).toContain("text/html");
  }

  const shop = await (await fetch(`${url}/demo/`)).text();
  const widgetKey = /data-key="([0-9a-z]+)"/.exec(shop)?.[1];
  const settings = await call<{ consent: { version: string } }>("GET", `/v1/widgets/${widgetKey}`);
  const guest = await call<{ token: string }>("POST", `/v1/widgets/${widgetKey}/guests`, {
    deviceId: randomUUID(),
    consent: { version: settings.consent.version, locale: "en" },
  });
  const authorization = { authorization: `Bearer ${guest.token}` };
  const sent = await call<{ conversationId: string }>(
    "POST",
    "/v1/my/conversations",
    { kind: "text", text: "Will this be here tomorrow?" },
    { ...authorization, "idempotency-key": randomUUID() },
  );
  const readTexts = async () => {
    const page = await call<{ events: { kind: string; data: { text?: string } }[] }>(
      "GET",
      `/v1/my/conversations/${sent.conversationId}/events`,
      undefined,
      authorization,
    );
    return page.events.flatMap((event) => event.data.text ?? []);
  };
  expect(await readTexts()).toEqual(["Will this be here tomorrow?"]);
  expect(await end("SIGINT"), output).toBe(0);

  const warm = await start(60);
  expect(warm).not.toContain("Installing");
  expect(warm).not.toContain("Building");
  expect(await readTexts()).toEqual(["Will this be here tomorrow?"]);

  const server = Number(readFileSync(join(dataDir, "postgres", "lock"), "utf8").split(" ")[0]);
  const ended = once(running!, "exit");
  process.kill(server, "SIGKILL");
  await ended;

  await start(60);
  expect(await readTexts()).toEqual(["Will this be here tomorrow?"]);
  expect(await end("SIGINT"), output).toBe(0);
});
