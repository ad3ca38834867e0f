import type { AgentId, CompanyId, Me, Session, SessionId } from "@presszero/contracts";
import type { Ctx, SystemCtx } from "../../../kernel/context.ts";
import { type InTx, inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { appendEvent } from "../../../kernel/events.ts";
import { newId } from "../../../kernel/ids.ts";
import { formatToken, hashSecret, newSecret } from "../../../kernel/tokens.ts";
import { isPassword } from "../passwords.ts";
import { addressKey, consumeLimit, resetLimit } from "../rate-limits.ts";
import { addDays, agentSessionDays, maxSessions } from "../rules.ts";
import { type AgentRow, findAgentByEmail } from "../store/agents.ts";
import { type CompanyRow, findCompany, listCompaniesOfLogin } from "../store/companies.ts";
import { insertSession, revokeGuestSession, revokeSessions, selectSessionsOf, toSession } from "../store/sessions.ts";
import { findAgentActor } from "./authenticate.ts";
import { getMe } from "./me.ts";

export type SignedIn = { token: string; me: Me };
type Client = { ip: string; userAgent: string };

/**
 * Signs an agent in. WRONG_CREDENTIALS says nothing about whether the person exists; COMPANY_REQUIRED lists in
 * `details.companies` those of the person's companies where the password is right.
 */
export async function signIn(
  ctx: SystemCtx,
  input: { email: string; password: string; companyId?: CompanyId },
  client: Client,
): Promise<SignedIn> {
  const address = addressKey(client.ip);
  await consumeLimit(ctx, "signInFromAddress", address);
  await consumeLimit(ctx, "signInOfEmailFromAddress", `${address} ${input.email}`);
  await consumeLimit(ctx, "signInOfEmail", input.email);
  const logins = await listLogins(ctx, input.email, input.companyId);
  // Somebody who does not exist costs as much time as a wrong password.
  const checks = await Promise.all(
    logins.length > 0
      ? logins.map(({ agent }) => isPassword(input.password, agent.password_hash))
      : [isPassword(input.password, null)],
  );
  const matching = logins.filter(
    ({ agent, company }, index) => checks[index] && agent.status === "active" && company.status === "active",
  );
  const [login, ...others] = matching;
  if (!login) throw new AppError("WRONG_CREDENTIALS");
  await resetLimit(ctx, "signInOfEmailFromAddress", `${address} ${input.email}`);
  await resetLimit(ctx, "signInOfEmail", input.email);
  if (others.length > 0) {
    const companies = matching.map(({ company }) => ({ id: company.id, name: company.name }));
    throw new AppError("COMPANY_REQUIRED", { details: { companies } });
  }
  return inTx({ ...ctx, companyId: login.company.id }, (tx) => openSession(tx, login.agent.id, client.userAgent));
}

/** The agents of this e-mail, in one company or all. For nobody it looks as long as for somebody. */
async function listLogins(
  ctx: SystemCtx,
  email: string,
  only: CompanyId | undefined,
): Promise<{ company: CompanyRow; agent: AgentRow }[]> {
  const known = await inTx(ctx, (tx) => listCompaniesOfLogin(tx, email));
  const wanted = only === undefined ? known : known.filter((id) => id === only);
  const companyIds = wanted.length > 0 ? wanted : [newId("company")];
  const logins = await Promise.all(
    companyIds.map((companyId) =>
      inTx({ ...ctx, companyId }, async (tx) => {
        const company = await findCompany(tx, companyId);
        const agent = await findAgentByEmail(tx, email);
        return company && agent ? { company, agent } : null;
      }),
    ),
  );
  return logins.filter((login) => login !== null);
}

/** Opens a session in the running transaction. WRONG_CREDENTIALS if the agent or company was switched off meanwhile. */
export async function openSession(
  ctx: SystemCtx & InTx & { companyId: CompanyId },
  agentId: AgentId,
  userAgent: string,
): Promise<SignedIn> {
  const secret = newSecret();
  const now = ctx.clock.now();
  const id = newId("session");
  await insertSession(ctx, {
    id,
    agent_id: agentId,
    secret_hash: hashSecret(secret),
    user_agent: userAgent.slice(0, 300),
    created_at: now,
    expires_at: addDays(now, agentSessionDays),
  });
  const actor = await findAgentActor(ctx, { id });
  if (!actor) throw new AppError("WRONG_CREDENTIALS");
  const signedIn = { ...ctx, actor };
  const surplus = (await selectSessionsOf(ctx, agentId, now)).slice(maxSessions).map((session) => session.id);
  if (surplus.length > 0) await endSessions(signedIn, agentId, surplus);
  return { token: formatToken("pzs", ctx.companyId, secret), me: await getMe(signedIn) };
}

async function endSessions(ctx: Ctx & InTx, agentId: AgentId, ids: readonly SessionId[]): Promise<SessionId[]> {
  const revoked = await revokeSessions(ctx, agentId, ctx.clock.now(), ids);
  for (const sessionId of revoked) {
    await appendEvent(ctx, { subjectId: sessionId, type: "session.revoked", data: { sessionId } });
  }
  return revoked;
}

/** Ends the session of the actor, on all its sockets too. An API key has none: it is revoked. */
export async function signOut(ctx: Ctx): Promise<void> {
  const { actor } = ctx;
  if (actor.type === "api_key" || actor.type === "system") throw new AppError("FORBIDDEN");
  await inTx(ctx, async (tx) => {
    if (actor.type === "agent") return void (await endSessions(tx, actor.id, [actor.sessionId]));
    await revokeGuestSession(tx, actor.sessionId, tx.clock.now());
    const data = { sessionId: actor.sessionId };
    await appendEvent(tx, { subjectId: actor.sessionId, type: "session.revoked", data });
  });
}

/** The agent's own sessions, the last used one first. */
export async function listSessions(ctx: Ctx): Promise<{ items: Session[] }> {
  const agent = requireAgent(ctx);
  const rows = await inTx(ctx, (tx) => selectSessionsOf(tx, agent.id, tx.clock.now()));
  return { items: rows.map((row) => toSession(row, agent.sessionId)) };
}

/** Ends one of the agent's own sessions. */
export async function revokeSession(ctx: Ctx, sessionId: SessionId): Promise<void> {
  const agent = requireAgent(ctx);
  await inTx(ctx, async (tx) => {
    const revoked = await endSessions(tx, agent.id, [sessionId]);
    if (revoked.length === 0) throw new AppError("NOT_FOUND");
  });
}

function requireAgent(ctx: Ctx) {
  if (ctx.actor.type !== "agent") throw new AppError("FORBIDDEN");
  return ctx.actor;
}
