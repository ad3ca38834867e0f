import { permissions } from "@presszero/contracts";
import { expect, test } from "vitest";
import { isPassword, hashPassword } from "./passwords.ts";
import { addressKey } from "./rate-limits.ts";
import { isOriginListed, isUseWorthRecording, permissionsOf, slugOf } from "./rules.ts";

test("each role may do what the one below may, and nobody manages the installation by role", () => {
  const [agent, supervisor, admin] = (["agent", "supervisor", "company_admin"] as const).map((role) =>
    permissionsOf(role, false),
  );
  expect([...agent!].every((permission) => supervisor!.has(permission))).toBe(true);
  expect([...supervisor!].every((permission) => admin!.has(permission))).toBe(true);
  expect(agent!.has("agents.manage")).toBe(false);
  expect(supervisor!.has("agents.manage")).toBe(false);
  expect([...admin!].sort()).toEqual(permissions.filter((permission) => permission !== "platform.manage").sort());
  expect(permissionsOf("agent", true)).toEqual(new Set([...agent!, "platform.manage"]));
});

test("origins are compared as a whole", () => {
  const own = "https://chat.example";
  expect(isOriginListed("https://anything.example", [], own)).toBe(true);
  expect(isOriginListed("https://shop.example", ["https://shop.example"], own)).toBe(true);
  expect(isOriginListed(own, ["https://shop.example"], own)).toBe(true);
  for (const origin of ["null", "", "http://shop.example", "https://evil-shop.example", "https://shop.example.evil"]) {
    expect(isOriginListed(origin, ["https://shop.example"], own)).toBe(false);
  }
});

test("a use is recorded once a minute", () => {
  const now = new Date("2026-01-01T00:01:00Z");
  expect(isUseWorthRecording(null, now)).toBe(true);
  expect(isUseWorthRecording(new Date("2026-01-01T00:00:00Z"), now)).toBe(true);
  expect(isUseWorthRecording(new Date("2026-01-01T00:00:01Z"), now)).toBe(false);
});

test("a slug is made of any name", () => {
  expect(slugOf("Kestrel & Finch")).toBe("kestrel-finch");
  expect(slugOf("  Löwenbräu GmbH ")).toBe("lowenbrau-gmbh");
  expect(slugOf("متجر")).toBe("company");
  expect(slugOf(`${"a".repeat(39)} b`)).toBe("a".repeat(39));
});

test("an address stands for its household", () => {
  expect(addressKey("203.0.113.7")).toBe("203.0.113.7");
  expect(addressKey("::ffff:203.0.113.7")).toBe("203.0.113.7");
  expect(addressKey("2001:db8:1:2:3:4:5:6")).toBe(addressKey("2001:db8:1:2:ffff::1"));
  expect(addressKey("2001:db8:1:2::1")).not.toBe(addressKey("2001:db8:1:3::1"));
  expect(addressKey("nonsense")).toBe("unknown");
});

test("passwords are stored as argon2id, each with its own salt", async () => {
  const [first, second] = await Promise.all([hashPassword("pässword one"), hashPassword("pässword one")]);
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  expect(first).not.toBe(second);
  expect(await isPassword("pässword one", first!)).toBe(true);
  expect(await isPassword("pa\u0308ssword one", first!)).toBe(true);
  expect(await isPassword("password one", first!)).toBe(false);
  expect(await isPassword("", null)).toBe(false);
  expect(await isPassword("pässword one", "none")).toBe(false);
  // From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32
  const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  expect(await isPassword("password", reference)).toBe(true);
});
