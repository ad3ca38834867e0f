import type {
  AgentId,
  ApiKeyId,
  Company,
  CompanyId,
  ContactId,
  GuestSessionId,
  InvitationId,
  Permission,
  Role,
  SessionId,
} from "@presszero/contracts";
import type { Generated } from "kysely";
import type { Ctx } from "../../../kernel/context.ts";
import type { InTx } from "../../../kernel/database.ts";

export type Tables = {
  company: {
    id: CompanyId;
    name: string;
    slug: string;
    widget_key: string;
    allowed_origins: string[];
    accent_color: Generated<string>;
    status: Generated<Company["status"]>;
    consent_version: Generated<string>;
    created_at: Date;
  };
  platform_admin: { company_id: string; agent_id: AgentId };
  sign_in_directory: { email: string; company_id: CompanyId };
  agent: {
    company_id: string;
    id: AgentId;
    name: string;
    email: string;
    password_hash: string;
    role: Role;
    status: Generated<"active" | "deactivated">;
    created_at: Date;
  };
  session: {
    company_id: string;
    id: SessionId;
    agent_id: AgentId;
    secret_hash: Buffer;
    user_agent: string;
    created_at: Date;
    last_used_at: Date;
    expires_at: Date;
    revoked_at: Date | null;
  };
  invitation: {
    company_id: string;
    id: InvitationId;
    email: string;
    role: Role;
    invited_by: string;
    created_at: Date;
    expires_at: Date;
    accepted_at: Date | null;
    revoked_at: Date | null;
  };
  api_key: {
    company_id: string;
    id: ApiKeyId;
    name: string;
    secret_hash: Buffer;
    prefix: string;
    permissions: Permission[];
    created_by: string;
    created_at: Date;
    last_used_at: Date | null;
    expires_at: Date | null;
    revoked_at: Date | null;
  };
  guest_session: {
    company_id: string;
    id: GuestSessionId;
    contact_id: ContactId;
    secret_hash: Buffer;
    device_id: string;
    created_at: Date;
    last_used_at: Date;
    expires_at: Date;
    revoked_at: Date | null;
  };
  device: { company_id: string; id: string; owner_type: OwnerType; owner_id: string; last_seen_at: Date };
};

/** Who can own a device. */
export type OwnerType = "agent" | "api_key" | "contact";

export const tables = (ctx: InTx) => ctx.tx.withTables<Tables>();

/** A transaction of one company, with or without somebody who acts in it. */
export type InCompany = InTx & Pick<Ctx, "companyId">;

/** How a credential is found: by the secret that was sent, or by its id when it was checked before. */
export type Credential<Id extends string> = { secretHash: Buffer } | { id: Id };
