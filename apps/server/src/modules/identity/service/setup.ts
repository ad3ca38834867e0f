import { type SystemCtx, systemCtx } from "../../../kernel/context.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError } from "../../../kernel/errors.ts";
import { newId } from "../../../kernel/ids.ts";
import { addMeta, removeMeta } from "../../../kernel/system-meta.ts";
import { hashSecret, newSecret } from "../../../kernel/tokens.ts";
import { hashPassword } from "../passwords.ts";
import { addressKey, consumeLimit } from "../rate-limits.ts";
import { hasPlatformAdmin } from "../store/companies.ts";
import { addAgent } from "./agents.ts";
import { createCompany } from "./companies.ts";
import { openSession, type SignedIn } from "./sessions.ts";

const tokenHash = "setup_token_hash";

/** The link to `POST /v1/setup`, once per installation; null when it was given out or there is a platform admin. */
export async function firstAdminLink(ctx: SystemCtx): Promise<string | null> {
  const token = newSecret();
  const isFirst = await inTx(ctx, async (tx) => {
    if (await hasPlatformAdmin(tx)) return false;
    return addMeta(tx, tokenHash, hashSecret(token).toString("hex"));
  });
  return isFirst ? `${ctx.settings.publicUrl}/setup#token=${token}` : null;
}

/**
 * Uses up the first admin's link: creates the company, its admin, who is the platform admin too, and signs them in.
 * SETUP_CLOSED if that was done; INVITATION_INVALID for a wrong token.
 */
export async function setUp(
  ctx: SystemCtx,
  input: { token: string; companyName: string; name: string; email: string; password: string },
  client: { ip: string; userAgent: string },
): Promise<SignedIn> {
  await consumeLimit(ctx, "tokensFromAddress", addressKey(client.ip));
  if (await inTx(ctx, (tx) => hasPlatformAdmin(tx))) throw new AppError("SETUP_CLOSED");
  const passwordHash = await hashPassword(input.password);
  return inTx(systemCtx(ctx, newId("company"), "setup"), async (tx) => {
    // Removing the token's row is what lets only one of several requests go on.
    if (!(await removeMeta(tx, tokenHash, hashSecret(input.token).toString("hex")))) {
      throw new AppError((await hasPlatformAdmin(tx)) ? "SETUP_CLOSED" : "INVITATION_INVALID");
    }
    await createCompany(tx, { name: input.companyName });
    const { name, email } = input;
    const admin = await addAgent(tx, { name, email, role: "company_admin", isPlatformAdmin: true, passwordHash });
    return openSession(tx, admin.id, client.userAgent);
  });
}
