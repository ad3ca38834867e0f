import type { ContactId, Me } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import type { InTx } from "../../../kernel/database.ts";
import { newId } from "../../../kernel/ids.ts";
import { formatToken, hashSecret, newSecret } from "../../../kernel/tokens.ts";
import { addDays, guestSessionDays } from "../rules.ts";
import { insertGuestSession } from "../store/sessions.ts";
import { getMe } from "./me.ts";
import { registerDevice } from "./tickets.ts";

/** Signs a contact in as a guest on this device, in the running transaction. VALIDATION if the device is another's. */
export async function createGuestSession(
  ctx: Ctx & InTx,
  input: { contact: { id: ContactId; name: string | null }; deviceId: string },
): Promise<{ token: string; me: Me }> {
  const { contact, deviceId } = input;
  const secret = newSecret();
  const id = newId("guestSession");
  const now = ctx.clock.now();
  await registerDevice(ctx, { id: deviceId, ownerType: "contact", ownerId: contact.id });
  await insertGuestSession(ctx, {
    id,
    contact_id: contact.id,
    secret_hash: hashSecret(secret),
    device_id: deviceId,
    created_at: now,
    expires_at: addDays(now, guestSessionDays),
  });
  const me = await getMe({ ...ctx, actor: { type: "contact", id: contact.id, name: contact.name, sessionId: id } });
  return { token: formatToken("pzg", ctx.companyId, secret), me };
}
