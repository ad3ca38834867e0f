import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { AppError } from "./errors.ts";
import { createLogger, describeFailure } from "./log.ts";

test("secrets are redacted at every depth we log, and the rest stays", () => {
  const lines: string[] = [];
  const destination = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  const log = createLogger({ logLevel: "info" }, destination);
  const secrets = { password: "x1x", token: "x2x", secret: "x3x", authorization: "x4x", cookie: "x5x", ticket: "x6x" };
  log.info({ ...secrets, kept: 1 }, "top");
  log.info({ request: { headers: { ...secrets, "set-cookie": "x7x" }, kept: 2 } }, "deep");
  log.info({ a: { b: { c: { ...secrets, kept: 3 } } } }, "deeper");
  log.debug("too quiet");
  expect(lines.join("")).not.toMatch(/x\dx/);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { msg: "top", kept: 1, password: "[redacted]" },
    { msg: "deep", request: { kept: 2 } },
    { msg: "deeper", a: { b: { c: { kept: 3 } } } },
  ]);
});

test("what hangs on an error is not written, and cannot break the log", () => {
  const lines: string[] = [];
  const destination = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  const log = createLogger({ logLevel: "trace" }, destination);
  const rawPacket = Buffer.from("GET / HTTP/1.1\r\nAuthorization: Bearer x1x\r\n");
  const cause = Object.assign(new Error("duplicate key"), { code: "23505", detail: "Key (email)=(x2x) exists" });
  log.trace({ err: Object.assign(new Error("Parse Error", { cause }), { rawPacket, code: "HPE_INVALID" }) }, "refused");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    {
      msg: "refused",
      err: { message: "Parse Error", code: "HPE_INVALID", cause: { message: "duplicate key", code: "23505" } },
    },
  ]);
  expect(lines.join("")).not.toMatch(/x\dx|rawPacket|detail/);
});

test.each([
  [new AppError("RATE_LIMITED", { message: "hello" }), "RATE_LIMITED"],
  [Object.assign(new Error("connect refused"), { code: "ECONNREFUSED" }), "ECONNREFUSED: connect refused"],
  [new Error("550 no such user <anna@example.com>"), "550 no such user <[address]>"],
  [new Error("bad key pzk.cmp_0123.abcdefghijklmnopqrstuvwxyz"), "bad key […]"],
  [new Error('cannot read "what a customer wrote"\n  at line 1'), 'cannot read "…" at line 1'],
  [new Error("a".repeat(1_000_000)), "[…]"],
  ["thrown text", "unknown error"],
])("%s is described as: %s", (error, reason) => {
  expect(describeFailure(error)).toBe(reason);
});
