import type {
  AgentId,
  ApiKeyId,
  Author,
  CompanyId,
  ContactId,
  GuestSessionId,
  Permission,
  Role,
  SessionId,
} from "@presszero/contracts";
import type { Logger } from "pino";
import type { Bus } from "./bus.ts";
import type { Clock } from "./clock.ts";
import type { Database } from "./database.ts";
import type { Mailer } from "./mail.ts";
import type { Metrics } from "./metrics.ts";
import type { Settings } from "./settings.ts";
import type { Trace } from "./trace.ts";

/** Who acts. `name` is what the other side sees. */
export type Actor =
  | { type: "agent"; id: AgentId; name: string; role: Role; permissions: ReadonlySet<Permission>; sessionId: SessionId }
  | { type: "api_key"; id: ApiKeyId; name: string; permissions: ReadonlySet<Permission> }
  | { type: "contact"; id: ContactId; name: string | null; sessionId: GuestSessionId }
  | { type: "system"; id: string; name: null };

/** What the process has, before it is known for whom it acts. */
export type SystemCtx = {
  database: Database;
  bus: Bus;
  mailer: Mailer;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  trace: Trace;
  settings: Settings;
};

/** What every service gets as its first argument. */
export type Ctx = SystemCtx & {
  companyId: CompanyId;
  actor: Actor;
  /** Where the caller connects from; absent for our own software. */
  address?: string;
};

/** The context of a consumer, a job or the seed: the company's own software acts. `id` names it, e.g. `consumer:mail`. */
export function systemCtx(ctx: SystemCtx, companyId: CompanyId, id: string): Ctx {
  return { ...ctx, companyId, actor: { type: "system", id, name: null } };
}

/** How the actor appears as the author of messages and events. */
export function authorOf(actor: Actor): Author {
  return { type: actor.type, id: actor.id, name: actor.name };
}
