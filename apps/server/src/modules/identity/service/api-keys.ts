import type { ApiKey, ApiKeyId, Permission } from "@presszero/contracts";
import type { Ctx } from "../../../kernel/context.ts";
import { getCursorPosition } from "../../../kernel/cursor.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError, invalidField } from "../../../kernel/errors.ts";
import { appendEvent } from "../../../kernel/events.ts";
import { newId } from "../../../kernel/ids.ts";
import { formatToken, hashSecret, newSecret } from "../../../kernel/tokens.ts";
import { requirePermission, requirePermissions } from "../access.ts";
import { insertApiKey, revokeApiKeyRow, selectApiKeys, toApiKey } from "../store/api-keys.ts";
import { pageOf } from "./page.ts";

/** The secret is in this answer only. A key gets no more than its maker has, and never the installation. */
export async function createApiKey(
  ctx: Ctx,
  input: { name: string; permissions: Permission[]; expiresAt?: string },
): Promise<{ apiKey: ApiKey; secret: string }> {
  requirePermission(ctx, "api_keys.manage");
  requirePermissions(ctx, input.permissions);
  if (input.permissions.includes("platform.manage")) throw new AppError("FORBIDDEN");
  const now = ctx.clock.now();
  const expiresAt = input.expiresAt === undefined ? null : new Date(input.expiresAt);
  if (expiresAt && expiresAt <= now) throw invalidField("expiresAt", "must be in the future");
  const secret = newSecret();
  const id = newId("apiKey");
  const row = await inTx(ctx, async (tx) => {
    const created = await insertApiKey(tx, {
      id,
      name: input.name,
      secret_hash: hashSecret(secret),
      prefix: secret.slice(0, 6),
      permissions: [...new Set(input.permissions)],
      created_by: tx.actor.id,
      created_at: now,
      expires_at: expiresAt,
    });
    const data = { apiKeyId: id, permissions: created.permissions };
    await appendEvent(tx, { subjectId: id, type: "api_key.created", data });
    return created;
  });
  return { apiKey: toApiKey(row), secret: formatToken("pzk", ctx.companyId, secret) };
}

export async function listApiKeys(
  ctx: Ctx,
  query: { cursor?: string; limit: number },
): Promise<{ items: ApiKey[]; next: string | null }> {
  requirePermission(ctx, "api_keys.manage");
  const after = getCursorPosition<string>(ctx, "api-keys", query.cursor);
  const rows = await inTx(ctx, (tx) => selectApiKeys(tx, after, query.limit + 1));
  return pageOf(ctx, "api-keys", rows.map(toApiKey), query.limit);
}

export async function revokeApiKey(ctx: Ctx, id: ApiKeyId): Promise<void> {
  requirePermission(ctx, "api_keys.manage");
  await inTx(ctx, async (tx) => {
    if (!(await revokeApiKeyRow(tx, id, tx.clock.now()))) throw new AppError("NOT_FOUND");
    await appendEvent(tx, { subjectId: id, type: "api_key.revoked", data: { apiKeyId: id } });
  });
}
