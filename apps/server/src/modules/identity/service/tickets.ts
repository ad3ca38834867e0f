import type { GuestSessionId, SessionId, ApiKeyId } from "@presszero/contracts";
import type { Actor, Ctx, SystemCtx } from "../../../kernel/context.ts";
import { type InTx, inTx } from "../../../kernel/database.ts";
import { AppError, invalidField } from "../../../kernel/errors.ts";
import { formatToken, hashSecret, newSecret, parseToken } from "../../../kernel/tokens.ts";
import { claimDevice, insertTicket, isDeviceOf, type OwnedDevice, takeTicket } from "../store/devices.ts";
import { findAgentActor, findApiKeyActor, findContactActor } from "./authenticate.ts";

/** The device becomes the owner's; VALIDATION if it is somebody else's. */
export async function registerDevice(ctx: Ctx & InTx, device: OwnedDevice): Promise<void> {
  if (!(await claimDevice(ctx, device, ctx.clock.now()))) {
    throw invalidField("deviceId", "belongs to somebody else; make a new one");
  }
}

/** The device is the caller's from now on, if it was nobody's; VALIDATION if it is somebody else's. */
export async function useDevice(ctx: Ctx, deviceId: string): Promise<void> {
  const { actor } = ctx;
  if (actor.type === "system") throw new AppError("FORBIDDEN");
  const device = { id: deviceId, ownerType: actor.type, ownerId: actor.id };
  await inTx(ctx, async (tx) => {
    if (!(await isDeviceOf(tx, device))) await registerDevice(tx, device);
  });
}

/** A ticket for one realtime connection of this device within the next minute. */
export async function createTicket(
  ctx: Ctx,
  input: { deviceId: string },
): Promise<{ ticket: string; expiresAt: string }> {
  const { actor } = ctx;
  if (actor.type === "system") throw new AppError("FORBIDDEN");
  const secret = newSecret();
  const expiresAt = await inTx(ctx, async (tx) => {
    await registerDevice(tx, { id: input.deviceId, ownerType: actor.type, ownerId: actor.id });
    return insertTicket(tx, {
      secret_hash: hashSecret(secret),
      owner_type: actor.type,
      owner_id: actor.id,
      session_id: actor.type === "api_key" ? null : actor.sessionId,
      device_id: input.deviceId,
    });
  });
  return { ticket: formatToken("pzt", ctx.companyId, secret), expiresAt: expiresAt.toISOString() };
}

/**
 * Who connects with this ticket from this device. The ticket is used up, even by a wrong device. UNAUTHENTICATED if it
 * was used, is older than a minute, or its owner is not signed in any more.
 */
export async function redeemTicket(ctx: SystemCtx, ticket: string, deviceId: string): Promise<Ctx> {
  const parsed = parseToken(ticket);
  if (parsed?.kind !== "pzt") throw new AppError("UNAUTHENTICATED");
  const { companyId } = parsed;
  const actor = await inTx({ ...ctx, companyId }, async (tx): Promise<Actor | null> => {
    const taken = await takeTicket(tx, hashSecret(parsed.secret));
    if (!taken?.is_live || taken.device_id !== deviceId) return null;
    if (taken.owner_type === "api_key") return findApiKeyActor(tx, { id: taken.owner_id as ApiKeyId });
    return taken.owner_type === "agent"
      ? findAgentActor(tx, { id: taken.session_id as SessionId })
      : findContactActor(tx, { id: taken.session_id as GuestSessionId });
  });
  if (!actor) throw new AppError("UNAUTHENTICATED");
  return { ...ctx, companyId, actor };
}
