import { z } from "zod";

export const permissions = [
  "conversations.read",
  "conversations.reply",
  "conversations.assign",
  "conversations.close",
  /** Delete messages of others. */
  "conversations.moderate",
  "agents.read",
  "agents.manage",
  "api_keys.manage",
  "company.manage",
  "events.manage",
  "platform.manage",
] as const;
export type Permission = (typeof permissions)[number];
export const permission = z.enum(permissions);
