import { z } from "zod";

/** Prefix of every public id. An id is `<prefix>_<26 characters of Crockford base32>`, a UUIDv7 in order of time. */
export const idPrefixes = {
  company: "cmp",
  agent: "agt",
  session: "ses",
  invitation: "inv",
  apiKey: "key",
  contact: "con",
  guestSession: "gst",
  consent: "cns",
  conversation: "cnv",
  message: "msg",
} as const;

export type IdKind = keyof typeof idPrefixes;
export type Id<K extends IdKind> = string & z.BRAND<K>;

function idSchema<K extends IdKind>(kind: K) {
  const prefix = idPrefixes[kind];
  return z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`), `must be an id such as ${prefix}_…`)
    .brand<K>();
}

export const companyId = idSchema("company");
export const agentId = idSchema("agent");
export const sessionId = idSchema("session");
export const invitationId = idSchema("invitation");
export const apiKeyId = idSchema("apiKey");
export const contactId = idSchema("contact");
export const consentId = idSchema("consent");
export const conversationId = idSchema("conversation");
export const messageId = idSchema("message");

export type CompanyId = Id<"company">;
export type AgentId = Id<"agent">;
export type SessionId = Id<"session">;
export type InvitationId = Id<"invitation">;
export type ApiKeyId = Id<"apiKey">;
export type ContactId = Id<"contact">;
export type GuestSessionId = Id<"guestSession">;
export type ConsentId = Id<"consent">;
export type ConversationId = Id<"conversation">;
export type MessageId = Id<"message">;

/** A UUID made by a client (device ids, client ids), lower case. */
export const clientUuid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, "must be a lower-case UUID");
