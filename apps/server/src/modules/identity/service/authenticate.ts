import type { ApiKeyId, CompanyId, GuestSessionId, SessionId } from "@presszero/contracts";
import type { Actor, Ctx, SystemCtx } from "../../../kernel/context.ts";
import { type InTx, inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { hashSecret, parseToken } from "../../../kernel/tokens.ts";
import { addDays, agentSessionDays, guestSessionDays, isUseWorthRecording, permissionsOf } from "../rules.ts";
import { findLiveApiKey, touchApiKey } from "../store/api-keys.ts";
import { findLiveSession, touchGuestSession, touchSession } from "../store/sessions.ts";
import type { Credential } from "../store/tables.ts";
import { findLiveGuest } from "../views.ts";

type CompanyTx = SystemCtx & InTx & { companyId: CompanyId };

/** Who acts with this session, guest token or API key. UNAUTHENTICATED if nobody does (any more). */
export async function authenticate(ctx: SystemCtx, token: string): Promise<Ctx> {
  const parsed = parseToken(token);
  if (!parsed) throw new AppError("UNAUTHENTICATED");
  const { companyId } = parsed;
  const credential = { secretHash: hashSecret(parsed.secret) };
  const actor = await inTx({ ...ctx, companyId }, async (tx): Promise<Actor | null> => {
    if (parsed.kind === "pzs") return findAgentActor(tx, credential);
    if (parsed.kind === "pzk") return findApiKeyActor(tx, credential);
    if (parsed.kind === "pzg") return findContactActor(tx, credential);
    return null;
  });
  if (!actor) throw new AppError("UNAUTHENTICATED");
  return { ...ctx, companyId, actor };
}

/** Whether the session, guest session or API key of the actor still counts. */
export async function isStillSignedIn(ctx: Ctx): Promise<boolean> {
  const { actor } = ctx;
  if (actor.type === "system") return true;
  const found = await inTx(ctx, (tx) => {
    if (actor.type === "api_key") return findApiKeyActor(tx, { id: actor.id });
    return actor.type === "agent"
      ? findAgentActor(tx, { id: actor.sessionId })
      : findContactActor(tx, { id: actor.sessionId });
  });
  return found !== null;
}

export async function findAgentActor(ctx: CompanyTx, credential: Credential<SessionId>): Promise<Actor | null> {
  const now = ctx.clock.now();
  const session = await findLiveSession(ctx, credential, now);
  if (!session) return null;
  if (isUseWorthRecording(session.last_used_at, now)) {
    await touchSession(ctx, session.id, now, addDays(now, agentSessionDays));
  }
  return {
    type: "agent",
    id: session.agent_id,
    name: session.name,
    role: session.role,
    permissions: permissionsOf(session.role, session.is_platform_admin),
    sessionId: session.id,
  };
}

export async function findApiKeyActor(ctx: CompanyTx, credential: Credential<ApiKeyId>): Promise<Actor | null> {
  const now = ctx.clock.now();
  const key = await findLiveApiKey(ctx, credential, now);
  if (!key) return null;
  if (isUseWorthRecording(key.last_used_at, now)) await touchApiKey(ctx, key.id, now);
  return { type: "api_key", id: key.id, name: key.name, permissions: new Set(key.permissions) };
}

export async function findContactActor(ctx: CompanyTx, credential: Credential<GuestSessionId>): Promise<Actor | null> {
  const now = ctx.clock.now();
  const guest = await findLiveGuest(ctx, credential, now);
  if (!guest) return null;
  if (isUseWorthRecording(guest.last_used_at, now)) {
    await touchGuestSession(ctx, guest.id, now, addDays(now, guestSessionDays));
  }
  return { type: "contact", id: guest.contact_id, name: guest.name, sessionId: guest.id };
}
