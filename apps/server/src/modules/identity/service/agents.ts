import type { Agent, AgentId, Role } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { getCursorPosition } from "../../../kernel/cursor.ts";
import { type InTx, inTx, isUniqueViolation } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { appendEvent } from "../../../kernel/events.ts";
import { newId } from "../../../kernel/ids.ts";
import { requirePermission, requirePermissions } from "../access.ts";
import { hashPassword } from "../passwords.ts";
import { permissionsOf } from "../rules.ts";
import {
  findAgent,
  findAgentForUpdate,
  insertAgent,
  lockActiveAdmins,
  selectAgents,
  toAgent,
  updateAgent,
} from "../store/agents.ts";
import { deletePlatformAdmin, insertPlatformAdmin, lockPlatformAdmins } from "../store/companies.ts";
import { deleteTicketsOf } from "../store/devices.ts";
import { revokeSessions } from "../store/sessions.ts";
import { pageOf } from "./page.ts";

type NewAgent = { name: string; email: string; role: Role; isPlatformAdmin?: boolean };

/** Adds an agent without an invitation. ALREADY_EXISTS if the company has one of this e-mail. */
export async function createAgent(ctx: Ctx, input: NewAgent & { password: string }): Promise<Agent> {
  requirePermission(ctx, "agents.manage");
  requirePermissions(ctx, permissionsOf(input.role, input.isPlatformAdmin === true));
  const passwordHash = await hashPassword(input.password);
  return inTx(ctx, (tx) => addAgent(tx, { ...input, passwordHash }));
}

/** The agent joins in the running transaction; the caller has checked that they may. */
export async function addAgent(ctx: Ctx & InTx, input: NewAgent & { passwordHash: string }): Promise<Agent> {
  const id = newId("agent");
  const { name, email, role } = input;
  const row = await insertAgent(ctx, {
    id,
    name,
    email,
    role,
    password_hash: input.passwordHash,
    created_at: ctx.clock.now(),
  }).catch((error: unknown) => {
    throw isUniqueViolation(error, "agent_email") ? new AppError("ALREADY_EXISTS", { cause: error }) : error;
  });
  if (input.isPlatformAdmin) await insertPlatformAdmin(ctx, id);
  await appendEvent(ctx, { subjectId: id, type: "agent.joined", data: { agentId: id, role } });
  return toAgent(row);
}

export async function listAgents(
  ctx: Ctx,
  query: { cursor?: string; limit: number },
): Promise<{ items: Agent[]; next: string | null }> {
  requirePermission(ctx, "agents.read");
  const after = getCursorPosition<string>(ctx, "agents", query.cursor);
  const rows = await inTx(ctx, (tx) => selectAgents(tx, after, query.limit + 1));
  return pageOf(ctx, "agents", rows.map(toAgent), query.limit);
}

/** An agent who can be given a conversation; NOT_FOUND if there is no such active one. */
export async function getAssignableAgent(ctx: Ctx & InTx, id: AgentId): Promise<{ id: AgentId; name: string }> {
  const agent = await findAgent(ctx, id);
  if (agent?.status !== "active") throw new AppError("NOT_FOUND");
  return { id: agent.id, name: agent.name };
}

/**
 * Changes role or status and ends the agent's sessions. FORBIDDEN for an agent who may do more than the actor, now or
 * afterwards; LAST_ADMIN when nobody would be left to manage the company, or the installation.
 */
export async function changeAgent(
  ctx: Ctx,
  id: AgentId,
  changes: { role?: Role; status?: "active" | "deactivated" },
): Promise<Agent> {
  requirePermission(ctx, "agents.manage");
  return inTx(ctx, async (tx) => {
    const admins = await lockActiveAdmins(tx);
    const before = await findAgentForUpdate(tx, id);
    if (!before) throw new AppError("NOT_FOUND");
    const platformAdmins = await lockPlatformAdmins(tx);
    const isPlatformAdmin = platformAdmins.includes(id);
    const role = changes.role ?? before.role;
    const status = changes.status ?? before.status;
    requirePermissions(tx, permissionsOf(before.role, isPlatformAdmin));
    requirePermissions(tx, permissionsOf(role, isPlatformAdmin));
    if (role === before.role && status === before.status) return toAgent(before);

    const staysAdmin = role === "company_admin" && status === "active";
    if (admins.includes(id) && !staysAdmin && admins.length === 1) throw new AppError("LAST_ADMIN");
    if (isPlatformAdmin && status === "deactivated") {
      if (platformAdmins.length === 1) throw new AppError("LAST_ADMIN");
      await deletePlatformAdmin(tx, id);
    }
    const after = await updateAgent(tx, id, { role, status });
    await revokeSessions(tx, id, tx.clock.now());
    await deleteTicketsOf(tx, id);
    const type = status === "deactivated" && before.status === "active" ? "agent.deactivated" : "agent.changed";
    await appendEvent(tx, { subjectId: id, type, data: { agentId: id, role, status } });
    return toAgent(after);
  });
}
