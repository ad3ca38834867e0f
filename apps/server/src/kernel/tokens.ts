import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type CompanyId, companyId } from "@presszero/contracts";

/** SHA-256 of a secret; the only form in which random secrets are stored. */
export function hashSecret(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** 256 random bits, URL-safe. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/**
 * A bearer token `<kind>.<company id>.<secret>`: it names its company, so it can be looked up behind row-level security
 * (and later on the right shard) without a global table of tokens.
 */
export function formatToken(kind: TokenKind, company: CompanyId, secret: string): string {
  return `${kind}.${company}.${secret}`;
}

export type TokenKind = "pzs" | "pzg" | "pzk" | "pzt" | "pzi";

/** Session, guest, API key, ticket or invitation; null if it is not one of ours. */
export function parseToken(token: string): { kind: TokenKind; companyId: CompanyId; secret: string } | null {
  const match = /^(pzs|pzg|pzk|pzt|pzi)\.(cmp_[0-9a-z]{26})\.([\w.-]{20,120})$/.exec(token);
  if (!match) return null;
  const company = companyId.safeParse(match[2]);
  if (!company.success) return null;
  return { kind: match[1] as TokenKind, companyId: company.data, secret: match[3]! };
}

/** HMAC-SHA-256 as base64url. The purpose keeps signatures of one use from being valid in another. */
export function sign(secretKey: string, purpose: string, text: string): string {
  return createHmac("sha256", secretKey).update(`${purpose}\n${text}`).digest("base64url");
}

export function isSigned(secretKey: string, purpose: string, text: string, signature: string): boolean {
  const expected = Buffer.from(sign(secretKey, purpose, text));
  const given = Buffer.from(signature);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
