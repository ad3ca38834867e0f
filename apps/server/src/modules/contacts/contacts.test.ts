import { randomUUID } from "node:crypto";
import type { ErrorCode } from "@presszero/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemCtx } from "../../kernel/context.ts";
import { inTx } from "../../kernel/database.ts";
import type { AppError } from "../../kernel/errors.ts";
import { hashSecret } from "../../kernel/tokens.ts";
import { newId } from "../../kernel/ids.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { authenticate, changeCompany, createCompany } from "../identity/index.ts";
import { createGuest, getWidgetSettings } from "./index.ts";
import { truncateAddress } from "./rules.ts";

let ctx: TestCtx;
let widgetKey: string;
const companyId = newId("company");
const system = () => systemCtx(ctx, companyId, "test");
const client = { ip: "203.0.113.77", userAgent: "Firefox", origin: null };
const consent = { version: "v1", locale: "de" };
/** The code with which it is refused; "none" if it is not. */
const refusalOf = (work: Promise<unknown>): Promise<ErrorCode | "none"> =>
  work.then(
    () => "none" as const,
    (error: AppError) => error.code,
  );

beforeAll(async () => {
  ctx = await createTestCtx();
  ({ widgetKey } = await createCompany(system(), { name: "Kestrel & Finch", accentColor: "#112233" }));
});
afterAll(() => ctx.close());

type Rows = { contact: object; consent: object; guest_session: object };
const rows = async (table: keyof Rows): Promise<object[]> =>
  inTx(system(), ({ tx }) => tx.withTables<Rows>().selectFrom(table).selectAll().execute());

test("a widget's settings are the same for everybody", async () => {
  expect(await getWidgetSettings(ctx, widgetKey)).toEqual({
    widgetKey,
    companyName: "Kestrel & Finch",
    accentColor: "#112233",
    consent: { version: "v1", required: true },
  });
  expect(await refusalOf(getWidgetSettings(ctx, "0000000000"))).toBe("NOT_FOUND");
});

test("without consent to the current terms nothing is stored", async () => {
  const before = await rows("contact");
  for (const version of ["", "v0", "V1"]) {
    const attempt = createGuest(ctx, widgetKey, { deviceId: randomUUID(), consent: { version, locale: "de" } }, client);
    expect(await refusalOf(attempt)).toBe("CONSENT_REQUIRED");
  }
  expect(await refusalOf(createGuest(ctx, "0000000000", { deviceId: randomUUID(), consent }, client))).toBe(
    "NOT_FOUND",
  );
  expect(await rows("contact")).toEqual(before);
});

test("a guest is a contact with a recorded consent", async () => {
  const { token, me } = await createGuest(ctx, widgetKey, { deviceId: randomUUID(), consent, name: "Mia" }, client);
  expect(me).toMatchObject({ type: "contact", name: "Mia", companyId, companyName: "Kestrel & Finch" });
  const guest = await authenticate(ctx, token);
  expect(guest.actor).toMatchObject({ type: "contact", name: "Mia" });
  expect(await rows("contact")).toContainEqual(
    expect.objectContaining({ id: guest.actor.id, name: "Mia", locale: "de" }),
  );
  const [recorded] = await rows("consent");
  expect(recorded).toMatchObject({
    contact_id: guest.actor.id,
    version: "v1",
    locale: "de",
    ip_truncated: "203.0.113.0/24",
    user_agent_hash: hashSecret("Firefox"),
  });
});

test("a device that is somebody else's makes no guest and leaves nothing behind", async () => {
  const deviceId = randomUUID();
  await createGuest(ctx, widgetKey, { deviceId, consent }, client);
  const before = [await rows("contact"), await rows("consent"), await rows("guest_session")];
  expect(await refusalOf(createGuest(ctx, widgetKey, { deviceId, consent }, client))).toBe("VALIDATION");
  expect([await rows("contact"), await rows("consent"), await rows("guest_session")]).toEqual(before);
});

test("only pages of the company's sites make guests", async () => {
  await changeCompany(system(), { allowedOrigins: ["https://shop.example"] });
  const from = (origin: string) =>
    createGuest(ctx, widgetKey, { deviceId: randomUUID(), consent }, { ...client, origin });
  await from("https://shop.example");
  for (const origin of ["https://evil.example", "null"])
    expect(await refusalOf(from(origin))).toBe("ORIGIN_NOT_ALLOWED");
});

test("too many guests from one address have to wait, others need not", async () => {
  const attempt = (ip: string) =>
    createGuest(ctx, "0000000000", { deviceId: randomUUID(), consent }, { ...client, ip });
  const outcomes = await Promise.allSettled(Array.from({ length: 610 }, () => attempt("198.51.100.1")));
  const codes = outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.code);
  expect(codes.filter((code) => code === "RATE_LIMITED")).toHaveLength(10);
  expect(await refusalOf(attempt("198.51.100.2"))).toBe("NOT_FOUND");
});

test("addresses are kept as networks", () => {
  expect(truncateAddress("203.0.113.77")).toBe("203.0.113.0/24");
  expect(truncateAddress("::ffff:203.0.113.77")).toBe("203.0.113.0/24");
  expect(truncateAddress("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1::/48");
  expect(truncateAddress("?")).toBe("unknown");
});
