import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { startTestServer, until } from "../test/server.ts";

const read = (path: string) => readFile(new URL(path, import.meta.url), "utf8");

let stop: () => unknown = () => {};
afterEach(() => stop());

test("the README's example is the file that is run", async () => {
  const [, example] = /```ts\n([\s\S]*?)```/.exec(await read("../README.md")) ?? [];
  expect(example).toBe(await read("../examples/readme.ts"));
});

test("the README's example starts a conversation and prints its events", async () => {
  const server = await startTestServer("contact");
  const example = spawn(process.execPath, [new URL("../examples/readme.ts", import.meta.url).pathname], {
    env: { ...process.env, PRESSZERO_URL: server.baseUrl, WIDGET_KEY: "demo" },
  });
  stop = async () => {
    example.kill();
    await server.stop();
  };
  let printed = "";
  example.stdout.on("data", (data) => (printed += String(data)));
  example.stderr.on("data", (data) => (printed += String(data)));
  await until(() => printed.split("\n").length > 2);
  expect(printed).toBe("1 conversation.started \n2 message.created Hello, is anybody there?\n");
});
