import { randomUUID } from "node:crypto";
import { type ErrorCode, type Permission, permissions, type Role } from "@presszero/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Ctx, systemCtx } from "../../kernel/context.ts";
import { inTx } from "../../kernel/database.ts";
import type { AppError } from "../../kernel/errors.ts";
import type { RecordedEvent } from "../../kernel/bus.ts";
import { newId } from "../../kernel/ids.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import { createGuest } from "../contacts/index.ts";
import {
  acceptInvitation,
  authenticate,
  changeAgent,
  changeCompanyStatus,
  createAgent,
  createApiKey,
  createCompany,
  createTicket,
  firstAdminLink,
  getAssignableAgent,
  identityHandlers,
  identityJobs,
  inviteAgent,
  isOriginAllowed,
  isStillSignedIn,
  redeemTicket,
  revokeApiKey,
  revokeSession,
  setUp,
  signIn,
  signOut,
} from "./index.ts";

const password = "a long enough password";
const client = { ip: "203.0.113.7", userAgent: "Firefox" };
const days = (count: number) => count * 86_400_000;

let ctx: TestCtx;
let events: RecordedEvent[];

beforeAll(async () => {
  ctx = await createTestCtx();
  ctx.bus.onEvents((recorded) => void events.push(...recorded));
});
afterAll(() => ctx.close());
beforeEach(() => {
  events = [];
  ctx.clock.set(new Date());
});

const types = () => events.map((event) => event.type);
/** The code with which it is refused; "none" if it is not. */
const refusalOf = (work: Promise<unknown>): Promise<ErrorCode | "none"> =>
  work.then(
    () => "none" as const,
    (error: AppError) => error.code,
  );

/** A company with one agent of each role, signed in; e-mails are `role@slug.example`. */
async function newCompany(roles: readonly Role[] = ["company_admin", "supervisor", "agent"]) {
  const system = systemCtx(ctx, newId("company"), "test");
  const host = `${system.companyId.slice(-12)}.example`;
  const company = await inTx(system, async (tx) => {
    const created = await createCompany(tx, { name: "Kestrel & Finch" });
    for (const role of roles) await createAgent(tx, { name: `The ${role}`, email: `${role}@${host}`, password, role });
    return created;
  });
  const email = (role: string) => `${role}@${host}`;
  const enter = async (role: Role): Promise<Ctx> => {
    const { token } = await signIn(ctx, { email: email(role), password }, client);
    return authenticate(ctx, token);
  };
  return { system, company, email, enter };
}

function agentIn(caller: Ctx) {
  if (caller.actor.type !== "agent") throw new Error("not an agent");
  return caller.actor;
}

async function newGuest(widgetKey: string, deviceId: string = randomUUID()) {
  const consent = { version: "v1", locale: "en" };
  return createGuest(ctx, widgetKey, { deviceId, consent }, { ...client, origin: null });
}

describe("sign-in", () => {
  test("a session says who acts and what they may do", async () => {
    const { email, company } = await newCompany();
    const { token, me } = await signIn(ctx, { email: email("agent"), password }, client);
    expect(me).toMatchObject({
      type: "agent",
      agent: { name: "The agent", role: "agent" },
      company: { id: company.id },
    });
    const caller = await authenticate(ctx, token);
    expect(caller.companyId).toBe(company.id);
    expect(agentIn(caller).permissions.has("conversations.reply")).toBe(true);
    expect(agentIn(caller).permissions.has("agents.manage")).toBe(false);
    expect(JSON.stringify(me)).not.toMatch(/hash|argon/i);
  });

  test("no secret is stored", async () => {
    const { email, system, enter } = await newCompany();
    const { token } = await signIn(ctx, { email: email("agent"), password }, client);
    const { secret } = await createApiKey(await enter("company_admin"), {
      name: "Export",
      permissions: ["agents.read"],
    });
    const dump = await inTx(system, async ({ tx }) => {
      const names = ["session", "api_key", "agent", "event"] as const;
      const tables = tx.withTables<Record<(typeof names)[number], object>>();
      const rows: object[] = [];
      for (const name of names) rows.push(...(await tables.selectFrom(name).selectAll().execute()));
      return JSON.stringify(rows);
    });
    for (const value of [token, secret, password]) expect(dump).not.toContain(value.split(".").at(-1));
  });

  test("is refused alike for wrong passwords, unknown, deactivated and suspended people", async () => {
    const { system, email, company, enter } = await newCompany();
    const attempt = (input: { email: string; password: string }) =>
      signIn(ctx, input, { ...client, ip: "203.0.113.8" });
    expect(await refusalOf(attempt({ email: email("agent"), password: "wrong password" }))).toBe("WRONG_CREDENTIALS");
    expect(await refusalOf(attempt({ email: email("nobody"), password }))).toBe("WRONG_CREDENTIALS");
    await changeAgent(system, agentIn(await enter("agent")).id, { status: "deactivated" });
    expect(await refusalOf(attempt({ email: email("agent"), password }))).toBe("WRONG_CREDENTIALS");
    const platform = systemCtx(ctx, newId("company"), "test");
    await changeCompanyStatus(platform, company.id, "suspended");
    expect(await refusalOf(attempt({ email: email("company_admin"), password }))).toBe("WRONG_CREDENTIALS");
  });

  test("one login in several companies chooses among those where the password is right", async () => {
    const [first, second, third] = [await newCompany([]), await newCompany([]), await newCompany([])];
    const person = { name: "Mira", email: `mira@${first.company.id}.example`, role: "agent" } as const;
    await createAgent(first.system, { ...person, password });
    await createAgent(second.system, { ...person, password });
    await createAgent(third.system, { ...person, password: "another password" });
    await expect(signIn(ctx, { email: person.email, password }, client)).rejects.toMatchObject({
      code: "COMPANY_REQUIRED",
      details: {
        companies: [first, second].map(({ company }) => ({ id: company.id, name: company.name })),
      },
    });
    const { token } = await signIn(ctx, { email: person.email, password, companyId: second.company.id }, client);
    expect((await authenticate(ctx, token)).companyId).toBe(second.company.id);
    const wrong = signIn(ctx, { email: person.email, password, companyId: third.company.id }, client);
    expect(await refusalOf(wrong)).toBe("WRONG_CREDENTIALS");
  });

  test("slides on while it is used, and ends thirty days after the last use", async () => {
    const { email } = await newCompany();
    const { token } = await signIn(ctx, { email: email("agent"), password }, client);
    ctx.clock.advance(days(29));
    await authenticate(ctx, token);
    ctx.clock.advance(days(29));
    const caller = await authenticate(ctx, token);
    ctx.clock.advance(days(31));
    expect(await refusalOf(authenticate(ctx, token))).toBe("UNAUTHENTICATED");
    expect(await isStillSignedIn(caller)).toBe(false);
  });

  test("revoked sessions end at once, one's own only", async () => {
    const { email, enter } = await newCompany();
    const { token } = await signIn(ctx, { email: email("agent"), password }, client);
    const first = await authenticate(ctx, token);
    const second = await enter("agent");
    expect(await refusalOf(revokeSession(await enter("supervisor"), agentIn(first).sessionId))).toBe("NOT_FOUND");
    await revokeSession(second, agentIn(first).sessionId);
    expect(await refusalOf(authenticate(ctx, token))).toBe("UNAUTHENTICATED");
    expect(await isStillSignedIn(first)).toBe(false);
    expect(await isStillSignedIn(second)).toBe(true);
    const revoked = { type: "session.revoked", subjectId: agentIn(first).sessionId };
    expect(events).toContainEqual(expect.objectContaining({ ...revoked, data: { sessionId: revoked.subjectId } }));
    await signOut(second);
    expect(await isStillSignedIn(second)).toBe(false);
  });

  test("the fifty-first session ends the one that was used longest ago", async () => {
    const { system, email, enter } = await newCompany(["agent"]);
    const { token } = await signIn(ctx, { email: email("agent"), password }, client);
    for (let i = 1; i < 50; i++) {
      ctx.clock.advance(1000);
      await enter("agent");
    }
    const agent = agentIn(await authenticate(ctx, token));
    ctx.clock.advance(1000);
    await enter("agent");
    expect(await refusalOf(authenticate(ctx, token))).toBe("UNAUTHENTICATED");
    const caller: Ctx = { ...system, actor: agent };
    const listed = await identityHandlers["GET /v1/sessions"](caller, {} as never);
    expect(listed.items).toHaveLength(50);
  });

  test.each(["", "x", "pzs", `pzs.${newId("company")}.${"x".repeat(43)}`, `pzx.${newId("company")}.${"x".repeat(43)}`])(
    "a token that is none is refused: %s",
    async (token) => {
      expect(await refusalOf(authenticate(ctx, token))).toBe("UNAUTHENTICATED");
    },
  );

  test("a token of one kind is no other, and counts in its company only", async () => {
    const [{ email }, other] = [await newCompany(), await newCompany()];
    const { token } = await signIn(ctx, { email: email("agent"), password }, client);
    for (const kind of ["pzg", "pzk", "pzt", "pzi"])
      expect(await refusalOf(authenticate(ctx, token.replace("pzs", kind)))).toBe("UNAUTHENTICATED");
    const [kind, , secret] = token.split(".");
    expect(await refusalOf(authenticate(ctx, `${kind}.${other.company.id}.${secret}`))).toBe("UNAUTHENTICATED");
  });
});

describe("agents", () => {
  test("a new role ends the sessions and counts from the next sign-in", async () => {
    const { enter } = await newCompany();
    const admin = await enter("company_admin");
    const before = await enter("agent");
    const { ticket } = await createTicket(before, { deviceId: randomUUID() });
    const changed = await changeAgent(admin, agentIn(before).id, { role: "supervisor" });
    expect(changed.role).toBe("supervisor");
    expect(await isStillSignedIn(before)).toBe(false);
    expect(await refusalOf(redeemTicket(ctx, ticket, randomUUID()))).toBe("UNAUTHENTICATED");
    expect(types()).toContain("agent.changed");
    expect(agentIn(await enter("agent")).permissions.has("events.manage")).toBe(true);
  });

  test("a deactivated agent is out, and can come back", async () => {
    const { enter, system } = await newCompany();
    const admin = await enter("company_admin");
    const caller = await enter("agent");
    const { id } = agentIn(caller);
    expect(await inTx(system, (tx) => getAssignableAgent(tx, id))).toEqual({ id, name: "The agent" });
    await changeAgent(admin, id, { status: "deactivated" });
    expect(types()).toContain("agent.deactivated");
    expect(await isStillSignedIn(caller)).toBe(false);
    expect(await refusalOf(inTx(system, (tx) => getAssignableAgent(tx, id)))).toBe("NOT_FOUND");
    await changeAgent(admin, id, { status: "active" });
    await enter("agent");
  });

  test("nobody changes, invites or makes somebody who may do more", async () => {
    const { system, enter, email } = await newCompany();
    const admin = agentIn(await enter("company_admin"));
    const limited: Ctx = {
      ...system,
      actor: { ...admin, permissions: new Set<Permission>(["agents.manage", "api_keys.manage"]) },
    };
    expect(await refusalOf(changeAgent(limited, admin.id, { role: "agent" }))).toBe("FORBIDDEN");
    expect(await refusalOf(inviteAgent(limited, { email: email("new"), role: "agent" }))).toBe("FORBIDDEN");
    expect(await refusalOf(createApiKey(limited, { name: "x", permissions: ["company.manage"] }))).toBe("FORBIDDEN");
    expect(await refusalOf(changeAgent(await enter("supervisor"), admin.id, { role: "agent" }))).toBe("FORBIDDEN");
    const platform: Ctx = { ...system, actor: { ...admin, permissions: new Set(permissions) } };
    expect(await refusalOf(createApiKey(platform, { name: "x", permissions: ["platform.manage"] }))).toBe("FORBIDDEN");
  });

  test("of two admins who leave at the same time one stays", async () => {
    const { system, enter } = await newCompany();
    const admin = agentIn(await enter("company_admin")).id;
    expect(await refusalOf(changeAgent(system, admin, { role: "agent" }))).toBe("LAST_ADMIN");
    expect(await refusalOf(changeAgent(system, admin, { status: "deactivated" }))).toBe("LAST_ADMIN");
    const second = await createAgent(system, {
      name: "B",
      email: `b@${admin}.example`,
      password,
      role: "company_admin",
    });
    const outcomes = await Promise.allSettled([
      changeAgent(system, admin, { status: "deactivated" }),
      changeAgent(system, second.id, { role: "agent" }),
    ]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(outcomes.find((outcome) => outcome.status === "rejected")).toMatchObject({ reason: { code: "LAST_ADMIN" } });
  });

  test("another company's agents do not exist", async () => {
    const [mine, theirs] = [await newCompany(), await newCompany()];
    const { id } = agentIn(await theirs.enter("agent"));
    const admin = await mine.enter("company_admin");
    expect(await refusalOf(changeAgent(admin, id, { role: "supervisor" }))).toBe("NOT_FOUND");
    expect(await refusalOf(inTx(mine.system, (tx) => getAssignableAgent(tx, id)))).toBe("NOT_FOUND");
    expect(await refusalOf(changeAgent(admin, newId("agent"), { role: "supervisor" }))).toBe("NOT_FOUND");
  });
});

describe("invitations", () => {
  const tokenOf = (link: string) => link.split("#token=")[1]!;

  test("make the invited person an agent of that e-mail and role, once", async () => {
    const { enter, email, company } = await newCompany();
    const { link, invitation } = await inviteAgent(await enter("company_admin"), {
      email: email("new"),
      role: "supervisor",
    });
    expect(types()).toContain("agent.invited");
    expect(invitation).toMatchObject({ email: email("new"), invitedBy: "The company_admin" });
    const accept = () => acceptInvitation(ctx, { token: tokenOf(link), name: "Noor", password }, client);
    const outcomes = await Promise.allSettled([accept(), accept()]);
    const [done] = outcomes.filter((outcome) => outcome.status === "fulfilled");
    expect(outcomes.find((outcome) => outcome.status === "rejected")).toMatchObject({
      reason: { code: "INVITATION_INVALID" },
    });
    expect(done!.value.me).toMatchObject({
      agent: { name: "Noor", email: email("new"), role: "supervisor" },
      company: { id: company.id },
    });
    expect(types()).toContain("agent.joined");
    expect(await refusalOf(accept())).toBe("INVITATION_INVALID");
  });

  test("cannot be forged, moved, or used when revoked or old", async () => {
    const { enter, email, system } = await newCompany();
    const other = await newCompany();
    const admin = await enter("company_admin");
    const { link, invitation } = await inviteAgent(admin, { email: email("new"), role: "agent" });
    const token = tokenOf(link);
    const accept = async (changed: string) => {
      const work = acceptInvitation(ctx, { token: changed, name: "x", password }, client);
      expect(await refusalOf(work)).toBe("INVITATION_INVALID");
    };
    await accept(token.slice(0, -1) + (token.endsWith("A") ? "B" : "A"));
    await accept(token.replace(system.companyId, other.system.companyId));
    await accept(token.replace(invitation.id, newId("invitation")));
    await accept("not a token of any kind");
    ctx.clock.advance(days(8));
    await accept(token);
    ctx.clock.advance(-days(8));
    const revoke = () =>
      identityHandlers["DELETE /v1/invitations/:invitationId"](admin, {
        params: { invitationId: invitation.id },
      } as never);
    expect(
      await refusalOf(
        identityHandlers["DELETE /v1/invitations/:invitationId"](await other.enter("company_admin"), {
          params: { invitationId: invitation.id },
        } as never),
      ),
    ).toBe("NOT_FOUND");
    await revoke();
    await accept(token);
    expect(await refusalOf(revoke())).toBe("NOT_FOUND");
  });

  test("there is one open invitation for an e-mail, and none for an agent", async () => {
    const { enter, email } = await newCompany();
    const admin = await enter("company_admin");
    const invite = (to: string) => inviteAgent(admin, { email: email(to), role: "agent" });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => invite("new")));
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "ALREADY_EXISTS" });
    }
    expect(await refusalOf(invite("agent"))).toBe("ALREADY_EXISTS");
    ctx.clock.advance(days(8));
    await invite("new");
  });
});

describe("API keys", () => {
  test("do what they were given until they are revoked or expire", async () => {
    const { enter, company } = await newCompany();
    const admin = await enter("company_admin");
    const expiresAt = new Date(ctx.clock.now().getTime() + days(10)).toISOString();
    const created = await createApiKey(admin, { name: "Export", permissions: ["conversations.read"], expiresAt });
    expect(created.secret).toContain(`.${created.apiKey.prefix}`);
    const caller = await authenticate(ctx, created.secret);
    expect(caller).toMatchObject({ companyId: company.id, actor: { type: "api_key", name: "Export" } });
    expect(await isStillSignedIn(caller)).toBe(true);
    ctx.clock.advance(days(11));
    expect(await refusalOf(authenticate(ctx, created.secret))).toBe("UNAUTHENTICATED");
    ctx.clock.advance(-days(11));
    const other = await newCompany();
    expect(await refusalOf(revokeApiKey(await other.enter("company_admin"), created.apiKey.id))).toBe("NOT_FOUND");
    await revokeApiKey(admin, created.apiKey.id);
    expect(await refusalOf(authenticate(ctx, created.secret))).toBe("UNAUTHENTICATED");
    expect(await refusalOf(revokeApiKey(admin, created.apiKey.id))).toBe("NOT_FOUND");
    expect(types()).toEqual(expect.arrayContaining(["api_key.created", "api_key.revoked"]));
    const past = createApiKey(admin, {
      name: "x",
      permissions: ["agents.read"],
      expiresAt: "2020-01-01T00:00:00.000Z",
    });
    expect(await refusalOf(past)).toBe("VALIDATION");
  });
});

describe("tickets", () => {
  test("admit one connection of their device", async () => {
    const { enter } = await newCompany();
    const caller = await enter("agent");
    const deviceId = randomUUID();
    const { ticket } = await createTicket(caller, { deviceId });
    const outcomes = await Promise.allSettled([
      redeemTicket(ctx, ticket, deviceId),
      redeemTicket(ctx, ticket, deviceId),
    ]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
    const redeemed = outcomes.find((outcome) => outcome.status === "fulfilled")!;
    expect(redeemed.value.actor).toEqual(caller.actor);
  });

  test("are lost to a wrong device, and are no session", async () => {
    const { enter } = await newCompany();
    const caller = await enter("agent");
    const deviceId = randomUUID();
    const { ticket } = await createTicket(caller, { deviceId });
    expect(await refusalOf(authenticate(ctx, ticket))).toBe("UNAUTHENTICATED");
    expect(await refusalOf(redeemTicket(ctx, ticket, randomUUID()))).toBe("UNAUTHENTICATED");
    expect(await refusalOf(redeemTicket(ctx, ticket, deviceId))).toBe("UNAUTHENTICATED");
  });

  test("end after a minute of the database's time", async () => {
    const { enter, system } = await newCompany();
    const caller = await enter("agent");
    const deviceId = randomUUID();
    const { ticket } = await createTicket(caller, { deviceId });
    await inTx(system, ({ tx }) =>
      tx
        .withTables<{ realtime_ticket: { company_id: string; expires_at: Date } }>()
        .updateTable("realtime_ticket")
        .set({ expires_at: new Date(Date.now() - 1) })
        .where("company_id", "=", system.companyId)
        .execute(),
    );
    expect(await refusalOf(redeemTicket(ctx, ticket, deviceId))).toBe("UNAUTHENTICATED");
  });

  test("end with the sign-in, of agents, customers and keys", async () => {
    const { enter, company, system } = await newCompany();
    const admin = await enter("company_admin");
    const agent = await enter("agent");
    const deviceIds = [randomUUID(), randomUUID(), randomUUID()] as const;
    const guest = await authenticate(ctx, (await newGuest(company.widgetKey, deviceIds[1])).token);
    const { secret, apiKey } = await createApiKey(admin, { name: "x", permissions: ["agents.read"] });
    const key = await authenticate(ctx, secret);
    const callers = [agent, guest, key];
    const tickets = () => Promise.all(callers.map((caller, i) => createTicket(caller, { deviceId: deviceIds[i]! })));
    const redeemed = await Promise.all(
      (await tickets()).map(({ ticket }, i) => redeemTicket(ctx, ticket, deviceIds[i]!)),
    );
    expect(redeemed.map((caller) => caller.actor)).toEqual(callers.map((caller) => caller.actor));

    const open = await tickets();
    await changeAgent(system, agentIn(agent).id, { status: "deactivated" });
    await signOut(guest);
    await revokeApiKey(admin, apiKey.id);
    for (const [i, { ticket }] of open.entries())
      expect(await refusalOf(redeemTicket(ctx, ticket, deviceIds[i]!))).toBe("UNAUTHENTICATED");
  });

  test("a device has one owner", async () => {
    const { enter, company } = await newCompany();
    const deviceId = randomUUID();
    const agent = await enter("agent");
    await createTicket(agent, { deviceId });
    await createTicket(agent, { deviceId });
    expect(await refusalOf(createTicket(await enter("supervisor"), { deviceId }))).toBe("VALIDATION");
    expect(await refusalOf(newGuest(company.widgetKey, deviceId))).toBe("VALIDATION");
    const other = await newCompany();
    await createTicket(await other.enter("agent"), { deviceId });
  });
});

describe("companies", () => {
  test("a suspended company's tokens count no more, and do again afterwards", async () => {
    const { email, company, system } = await newCompany();
    const { token } = await signIn(ctx, { email: email("company_admin"), password }, client);
    const admin = await authenticate(ctx, token);
    const key = await createApiKey(admin, { name: "x", permissions: ["agents.read"] });
    const guest = await newGuest(company.widgetKey);
    const { link } = await inviteAgent(admin, { email: email("new"), role: "agent" });
    const tokens = [token, key.secret, guest.token];
    const callers = await Promise.all(tokens.map((one) => authenticate(ctx, one)));
    const platform = systemCtx(ctx, newId("company"), "test");

    await changeCompanyStatus(platform, company.id, "suspended");
    expect(events).toContainEqual(expect.objectContaining({ type: "company.suspended", companyId: company.id }));
    for (const one of tokens) expect(await refusalOf(authenticate(ctx, one))).toBe("UNAUTHENTICATED");
    for (const caller of callers) expect(await isStillSignedIn(caller)).toBe(false);
    expect(await refusalOf(newGuest(company.widgetKey))).toBe("NOT_FOUND");
    const accept = acceptInvitation(ctx, { token: link.split("=")[1]!, name: "x", password }, client);
    expect(await refusalOf(accept)).toBe("INVITATION_INVALID");

    await changeCompanyStatus(platform, company.id, "active");
    for (const one of tokens) await authenticate(ctx, one);
    expect(await refusalOf(changeCompanyStatus(system, company.id, "suspended"))).toBe("FORBIDDEN");
    expect(await refusalOf(changeCompanyStatus(platform, newId("company"), "suspended"))).toBe("NOT_FOUND");
    expect(await refusalOf(changeCompanyStatus(admin, platform.companyId, "suspended"))).toBe("FORBIDDEN");
  });

  test("origins", async () => {
    const { enter, company } = await newCompany();
    const change = async (allowedOrigins: string[]) =>
      identityHandlers["PATCH /v1/company"](await enter("company_admin"), { body: { allowedOrigins } } as never);
    expect(await isOriginAllowed(ctx, "https://any.example", company.id)).toBe(true);
    expect((await change(["https://Shop.example", "https://shop.example:443"])).allowedOrigins).toEqual([
      "https://shop.example",
    ]);
    expect(await isOriginAllowed(ctx, "https://shop.example", company.id)).toBe(true);
    expect(await isOriginAllowed(ctx, "https://any.example", company.id)).toBe(false);
    expect(await isOriginAllowed(ctx, ctx.settings.publicUrl, company.id)).toBe(true);
    expect(await isOriginAllowed(ctx, "https://any.example", newId("company"))).toBe(false);
    for (const origin of ["https://*.shop.example", "https://a;script-src", "https://a'b", "ftp://shop.example"]) {
      expect(await refusalOf(change([origin]))).toBe("VALIDATION");
    }
  });

  test("same names get different slugs", async () => {
    const slugs = await Promise.all([newCompany(), newCompany()]);
    expect(slugs[0]!.company.slug).not.toBe(slugs[1]!.company.slug);
  });
});

describe("the first admin", () => {
  test("comes in by a link that is given out once and works once", async () => {
    const fresh = await createTestCtx();
    const links = await Promise.all([firstAdminLink(fresh), firstAdminLink(fresh)]);
    const [link] = links.filter((one) => one !== null);
    expect(links.filter((one) => one !== null)).toHaveLength(1);
    const token = link!.split("#token=")[1]!;
    const run = (used: string, email = "root@example.com") =>
      setUp(fresh, { token: used, companyName: "First", name: "Root", email, password }, client);
    expect(await refusalOf(run("a token that is not the one"))).toBe("INVITATION_INVALID");
    const outcomes = await Promise.allSettled([run(token, "a@example.com"), run(token, "b@example.com")]);
    const [done] = outcomes.filter((outcome) => outcome.status === "fulfilled");
    expect(outcomes.find((outcome) => outcome.status === "rejected")).toMatchObject({
      reason: { code: "SETUP_CLOSED" },
    });
    expect(done!.value.me).toMatchObject({
      agent: { role: "company_admin" },
      permissions: expect.arrayContaining(["platform.manage"]),
    });
    expect(await refusalOf(run(token))).toBe("SETUP_CLOSED");
    expect(await firstAdminLink(fresh)).toBeNull();

    const admin = await authenticate(fresh, done!.value.token);
    const body = { name: "Second", adminEmail: "boss@second.example" };
    const added = await identityHandlers["POST /v1/companies"](admin, { body } as never);
    const accepted = await acceptInvitation(
      fresh,
      { token: added.link.split("=")[1]!, name: "Boss", password },
      client,
    );
    expect(accepted.me).toMatchObject({ company: { id: added.company.id }, agent: { role: "company_admin" } });
    const boss = await authenticate(fresh, accepted.token);
    expect(await refusalOf(identityHandlers["GET /v1/companies"](boss, { query: { limit: 50 } } as never))).toBe(
      "FORBIDDEN",
    );
    const listed = await identityHandlers["GET /v1/companies"](admin, { query: { limit: 50 } } as never);
    expect(listed.items.map((company) => company.name)).toEqual(["First", "Second"]);

    const mine = systemCtx(fresh, admin.companyId, "test");
    await createAgent(mine, { name: "Helper", email: "helper@example.com", password, role: "company_admin" });
    const helper = await authenticate(
      fresh,
      (await signIn(fresh, { email: "helper@example.com", password }, client)).token,
    );
    expect(await refusalOf(changeAgent(helper, agentIn(admin).id, { status: "deactivated" }))).toBe("FORBIDDEN");
    expect(await refusalOf(changeAgent(admin, agentIn(admin).id, { status: "deactivated" }))).toBe("LAST_ADMIN");
    await fresh.close();
  });
});

test("the purge deletes what ended a month ago and nothing else", async () => {
  const { email, system, enter } = await newCompany(["agent", "company_admin"]);
  const { token } = await signIn(ctx, { email: email("agent"), password }, client);
  const old = await enter("agent");
  await signOut(old);
  await inviteAgent(await enter("company_admin"), { email: email("new"), role: "agent" });
  const count = (table: "session" | "invitation") =>
    inTx(system, ({ tx }) =>
      tx.withTables<Record<typeof table, object>>().selectFrom(table).selectAll().execute(),
    ).then((rows) => rows.length);
  const run = async () => identityJobs.find((job) => job.name === "identity.purge")!.run(ctx, {});
  ctx.clock.advance(days(29));
  await authenticate(ctx, token);
  await run();
  expect([await count("session"), await count("invitation")]).toEqual([3, 1]);
  ctx.clock.advance(days(2));
  await run();
  expect([await count("session"), await count("invitation")]).toEqual([2, 1]);
  ctx.clock.advance(days(10));
  await run();
  expect(await count("invitation")).toBe(0);
  await authenticate(ctx, token);
});
