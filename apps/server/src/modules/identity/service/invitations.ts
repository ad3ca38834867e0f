import { type Invitation, type InvitationId, invitationId, type Locale, type Role } from "@presszero/contracts";
import { type Ctx, type SystemCtx, systemCtx } from "../../../kernel/context.ts";
import { getCursorPosition } from "../../../kernel/cursor.ts";
import { type InTx, inTx, isUniqueViolation } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { appendEvent } from "../../../kernel/events.ts";
import { newId } from "../../../kernel/ids.ts";
import { formatToken, isSigned, parseToken, sign } from "../../../kernel/tokens.ts";
import { requirePermission, requirePermissions } from "../access.ts";
import { hashPassword } from "../passwords.ts";
import { addressKey, consumeLimit } from "../rate-limits.ts";
import { addDays, invitationDays, permissionsOf } from "../rules.ts";
import { findAgentByEmail } from "../store/agents.ts";
import { findCompany } from "../store/companies.ts";
import {
  closeInvitation,
  findOpenInvitation,
  findOpenInvitationForUpdate,
  insertInvitation,
  selectOpenInvitations,
  toInvitation,
} from "../store/invitations.ts";
import { addAgent } from "./agents.ts";
import { pageOf } from "./page.ts";
import { openSession, type SignedIn } from "./sessions.ts";

/** `locale`: the language of the mail, by default English. */
type NewInvitation = { email: string; role: Role; locale?: Locale };

/**
 * Nobody invites somebody who may do more. ALREADY_EXISTS for an agent's e-mail, or one with an open invitation;
 * RATE_LIMITED when the company sends too many, or the address gets too many.
 */
export async function inviteAgent(ctx: Ctx, input: NewInvitation): Promise<{ invitation: Invitation; link: string }> {
  requirePermission(ctx, "agents.manage");
  requirePermissions(ctx, permissionsOf(input.role, false));
  return inTx(ctx, (tx) => addInvitation(tx, input));
}

/** Invites in the running transaction; the caller has checked that they may. */
export async function addInvitation(
  ctx: Ctx & InTx,
  input: NewInvitation,
): Promise<{ invitation: Invitation; link: string }> {
  if (await findAgentByEmail(ctx, input.email)) throw new AppError("ALREADY_EXISTS");
  const now = ctx.clock.now();
  const row = await insertInvitation(ctx, {
    id: newId("invitation"),
    email: input.email,
    role: input.role,
    invited_by: ctx.actor.name ?? "Press Zero",
    created_at: now,
    expires_at: addDays(now, invitationDays),
  }).catch((error: unknown) => {
    throw isUniqueViolation(error, "invitation_open") ? new AppError("ALREADY_EXISTS", { cause: error }) : error;
  });
  // Mails to strangers with words of the inviter's must not become a flood.
  await consumeLimit(ctx, "invitationsOfCompany", ctx.companyId);
  await consumeLimit(ctx, "invitationsToEmail", input.email);
  const data = { invitationId: row.id, role: row.role, locale: input.locale ?? "en" };
  await appendEvent(ctx, { subjectId: row.id, type: "agent.invited", data });
  return { invitation: toInvitation(row), link: invitationLink(ctx, row.id) };
}

/** The token is a signature of the id, so the same link can be made again, by the mail for instance. */
function invitationLink(ctx: Ctx, id: InvitationId): string {
  const signature = sign(ctx.settings.secretKey, "invitation", `${ctx.companyId}.${id}`);
  return `${ctx.settings.publicUrl}/invite#token=${formatToken("pzi", ctx.companyId, `${id}.${signature}`)}`;
}

/** What the invitation's mail says; null if it is not open any more. */
export async function findInvitationMail(
  ctx: Ctx,
  id: InvitationId,
): Promise<{ email: string; invitedBy: string; companyName: string; expiresAt: Date; link: string } | null> {
  return inTx(ctx, async (tx) => {
    const row = await findOpenInvitation(tx, id, tx.clock.now());
    const company = await findCompany(tx, tx.companyId);
    if (!row || company?.status !== "active") return null;
    return {
      email: row.email,
      invitedBy: row.invited_by,
      companyName: company.name,
      expiresAt: row.expires_at,
      link: invitationLink(tx, row.id),
    };
  });
}

export async function listInvitations(
  ctx: Ctx,
  query: { cursor?: string; limit: number },
): Promise<{ items: Invitation[]; next: string | null }> {
  requirePermission(ctx, "agents.manage");
  const after = getCursorPosition<string>(ctx, "invitations", query.cursor);
  const rows = await inTx(ctx, (tx) => selectOpenInvitations(tx, after, query.limit + 1, tx.clock.now()));
  return pageOf(ctx, "invitations", rows.map(toInvitation), query.limit);
}

export async function revokeInvitation(ctx: Ctx, id: InvitationId): Promise<void> {
  requirePermission(ctx, "agents.manage");
  await inTx(ctx, async (tx) => {
    const now = tx.clock.now();
    if (!(await findOpenInvitationForUpdate(tx, id, now))) throw new AppError("NOT_FOUND");
    await closeInvitation(tx, id, { revoked_at: now });
    await appendEvent(tx, { subjectId: id, type: "invitation.revoked", data: { invitationId: id } });
  });
}

/** Makes the invited person an agent, with the e-mail and role of the invitation, and signs them in. */
export async function acceptInvitation(
  ctx: SystemCtx,
  input: { token: string; name: string; password: string },
  client: { ip: string; userAgent: string },
): Promise<SignedIn> {
  await consumeLimit(ctx, "tokensFromAddress", addressKey(client.ip));
  const parsed = parseToken(input.token);
  const [id, signature] = parsed?.secret.split(".") ?? [];
  const known = invitationId.safeParse(id);
  if (parsed?.kind !== "pzi" || !known.success || signature === undefined) throw new AppError("INVITATION_INVALID");
  const { companyId } = parsed;
  if (!isSigned(ctx.settings.secretKey, "invitation", `${companyId}.${id}`, signature)) {
    throw new AppError("INVITATION_INVALID");
  }
  const passwordHash = await hashPassword(input.password);
  return inTx(systemCtx(ctx, companyId, `invitation:${id}`), async (tx) => {
    const company = await findCompany(tx, companyId);
    const row = await findOpenInvitationForUpdate(tx, known.data, tx.clock.now());
    if (!row || company?.status !== "active") throw new AppError("INVITATION_INVALID");
    await closeInvitation(tx, row.id, { accepted_at: tx.clock.now() });
    const agent = await addAgent(tx, { name: input.name, email: row.email, role: row.role, passwordHash });
    return openSession(tx, agent.id, client.userAgent);
  });
}
