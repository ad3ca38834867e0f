import type { Me } from "@presszero/contracts";
import type { useNavigate } from "@tanstack/react-router";
import { afterAll, expect, it, vi } from "vitest";

vi.stubGlobal("location", new URL("https://chat.example/sign-in"));
afterAll(() => vi.unstubAllGlobals());
// After the address is there: the API client reads it when it is loaded.
const { enter } = await import("./enter.ts");

it.each([
  ["/team", "/team"],
  [undefined, "/"],
  ["https://evil.example", "/"],
  ["//evil.example", "/"],
  ["javascript:alert(1)", "/"],
])("a sign-in with next %j leads to %j", async (next, expected) => {
  const gone: unknown[] = [];
  const navigate = (async ({ href }: { href?: string }) => void gone.push(href)) as ReturnType<typeof useNavigate>;
  await enter(navigate, { type: "contact" } as Me, next);
  expect(gone).toEqual([expected]);
});
