import { type InvitationId, type Locale, locales } from "@presszero/contracts";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type LoggedEvent, startConsumers } from "../../kernel/consumers.ts";
import { type Ctx, systemCtx } from "../../kernel/context.ts";
import { newId } from "../../kernel/ids.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { acceptInvitation, createCompany, inviteAgent } from "../identity/index.ts";
import { composeMail } from "./mail-texts.ts";
import { notificationsConsumers } from "./index.ts";

let ctx: TestCtx;
let system: Ctx;

beforeAll(async () => {
  ctx = await createTestCtx();
  system = systemCtx(ctx, newId("company"), "test");
  await createCompany(system, { name: "Kestrel & Finch" });
});
afterAll(() => ctx.close());
beforeEach(() => ctx.clock.set(new Date("2026-03-01T10:00:00Z")));

/** The event as the log hands it to a consumer, once more. */
const invited = (subjectId: InvitationId): LoggedEvent => ({
  id: 7,
  companyId: system.companyId,
  subjectId,
  seq: 1,
  publicSeq: 0,
  isPublic: false,
  type: "agent.invited",
  actor: { type: "system", id: "test" },
  refId: null,
  data: {},
  at: new Date(),
});
const handle = (subjectId: InvitationId) => notificationsConsumers[0]!.handle(system, invited(subjectId));

test("an invited person gets a mail with the link that joins", async () => {
  const consumers = startConsumers(ctx, notificationsConsumers);
  const { link } = await inviteAgent(system, { email: "noor@example.com", role: "agent" });
  await expect.poll(() => ctx.mails).toHaveLength(1);
  await consumers.stop();
  const [mail] = ctx.mails;
  expect(mail).toMatchObject({
    to: "noor@example.com",
    subject: "Press Zero invites you to Kestrel & Finch on Press Zero",
  });
  expect(mail!.text).toContain(link);
  expect(mail!.text).toContain("2026-03-08");
  const token = link.split("#token=")[1]!;
  const client = { ip: "203.0.113.7", userAgent: "Firefox" };
  await acceptInvitation(ctx, { token, name: "Noor", password: "a long enough password" }, client);
});

test("a repeated event is the same mail, and a used or expired invitation none", async () => {
  const { link, invitation } = await inviteAgent(system, { email: "mira@example.com", role: "agent" });
  const sent = ctx.mails.length;
  await handle(invitation.id);
  await handle(invitation.id);
  const [first, second, ...more] = ctx.mails.slice(sent);
  expect(second).toEqual(first);
  expect(more).toEqual([]);
  ctx.clock.advance(8 * 86_400_000);
  await handle(invitation.id);
  ctx.clock.set(new Date("2026-03-01T10:00:00Z"));
  const client = { ip: "203.0.113.7", userAgent: "Firefox" };
  await acceptInvitation(ctx, { token: link.split("=")[1]!, name: "Mira", password: "a long enough password" }, client);
  await handle(invitation.id);
  expect(ctx.mails).toHaveLength(sent + 2);
});

test("values of people stay on one line and are not filled in themselves", () => {
  const mail = composeMail("en", "invitation", {
    invitedBy: "Eve\r\nBcc: all@example.com",
    companyName: "{link}",
    link: "https://chat.example/invite#token=x",
    expires: "2026-03-08",
  });
  expect(mail.subject).toBe("Eve Bcc: all@example.com invites you to {link} on Press Zero");
});

test.each([
  ["en", "invites you to"],
  ["de", "lädt Sie zu"],
  ["ar", "دعوة من"],
] as const)("a mail in %s", async (locale, words) => {
  const consumers = startConsumers(ctx, notificationsConsumers);
  const email = `${locale}@example.com`;
  const { link } = await inviteAgent(system, { email, role: "agent", locale });
  await expect.poll(() => ctx.mails.find((mail) => mail.to === email)).toBeDefined();
  await consumers.stop();
  const { subject, text } = ctx.mails.find((mail) => mail.to === email)!;
  expect(subject).toContain(words);
  expect(text).toContain(link);
  expect(`${subject} ${text}`).not.toMatch(/[{}]/);
});

test("catalogues have the same texts with the same values", () => {
  const values = (locale: Locale) => {
    const filled = composeMail(locale, "invitation", {
      invitedBy: "<1>",
      companyName: "<2>",
      link: "<3>",
      expires: "<4>",
    });
    return [filled.subject, filled.text].map((text) => [...new Set(text.match(/<\d>/g))].sort());
  };
  for (const locale of locales) expect(values(locale), locale).toEqual(values("en"));
});
