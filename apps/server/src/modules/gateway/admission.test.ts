import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { Ctx } from "../../kernel/context.ts";
import { loadSettings } from "../../kernel/settings.ts";
import { createAdmission } from "./admission.ts";

test("customers of one network share the places of one address", () => {
  const { limits } = loadSettings({ PUBLIC_URL: "http://localhost:4000" });
  const admission = createAdmission({ ...limits, connectionsFromAddress: 2 }, () => false);
  const connect = (address: string) => {
    const actor = { type: "contact", id: randomUUID() };
    return admission.connect({ companyId: "cmp_1", actor, address } as unknown as Ctx, randomUUID());
  };
  const leave = connect("2001:db8:1:2::1");
  connect("2001:db8:1:2:ffff::2");
  expect(() => connect("2001:db8:1:2::3")).toThrow("RATE_LIMITED");
  expect(connect("2001:db8:1:3::1")).toBeTypeOf("function");
  expect(connect("203.0.113.1")).toBeTypeOf("function");
  leave();
  expect(connect("2001:db8:1:2::4")).toBeTypeOf("function");
});
