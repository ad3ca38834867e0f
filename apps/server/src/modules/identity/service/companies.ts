import { randomBytes } from "node:crypto";
import type { Company, CompanyId, Invitation, Locale } from "@presszero/contracts";
import type { Ctx, SystemCtx } from "../../../kernel/context.ts";
import { getCursorPosition } from "../../../kernel/cursor.ts";
import { inTx } from "../../../kernel/database.ts";
import { AppError, invalidField } from "../../../kernel/errors.ts";
import { appendEvent } from "../../../kernel/events.ts";
import { newId } from "../../../kernel/ids.ts";
import { requirePermission } from "../access.ts";
import { isOriginListed, slugOf } from "../rules.ts";
import {
  findCompany,
  findCompanyByWidgetKey,
  insertCompany,
  selectCompanies,
  toCompany,
  updateCompany,
} from "../store/companies.ts";
import { addInvitation } from "./invitations.ts";
import { pageOf } from "./page.ts";

/** Creates the company whose id the ctx carries. `widgetKey`: 10 to 40 of `0-9a-z`, by default a random one. */
export async function createCompany(
  ctx: Ctx,
  input: { name: string; widgetKey?: string; accentColor?: string },
): Promise<Company> {
  requirePermission(ctx, "platform.manage");
  return inTx(ctx, async (tx) => {
    const company = {
      id: tx.companyId,
      name: input.name,
      slug: slugOf(input.name),
      widget_key: input.widgetKey ?? randomBytes(10).toString("hex"),
      allowed_origins: [],
      accent_color: input.accentColor,
      created_at: tx.clock.now(),
    };
    if (!(await insertCompany(tx, company))) {
      await insertCompany(tx, { ...company, slug: `${company.slug}-${randomBytes(5).toString("hex")}` });
    }
    await appendEvent(tx, { subjectId: company.id, type: "company.created", data: { companyId: company.id } });
    return toCompany((await findCompany(tx, company.id))!);
  });
}

/** A platform admin adds a company; its first admin gets an invitation. */
export async function createCompanyWithAdmin(
  ctx: Ctx,
  input: { name: string; adminEmail: string; locale: Locale },
): Promise<{ company: Company; invitation: Invitation; link: string }> {
  requirePermission(ctx, "platform.manage");
  return inTx({ ...ctx, companyId: newId("company") }, async (tx) => {
    const company = await createCompany(tx, { name: input.name });
    const { adminEmail: email, locale } = input;
    return { company, ...(await addInvitation(tx, { email, role: "company_admin", locale })) };
  });
}

export async function listCompanies(
  ctx: Ctx,
  query: { cursor?: string; limit: number },
): Promise<{ items: Company[]; next: string | null }> {
  requirePermission(ctx, "platform.manage");
  const after = getCursorPosition<string>(ctx, "companies", query.cursor);
  const rows = await inTx(ctx, (tx) => selectCompanies(tx, after, query.limit + 1));
  return pageOf(ctx, "companies", rows.map(toCompany), query.limit);
}

/** A suspended company's people are signed out and its chat is closed. One's own cannot be suspended: FORBIDDEN. */
export async function changeCompanyStatus(ctx: Ctx, id: CompanyId, status: Company["status"]): Promise<Company> {
  requirePermission(ctx, "platform.manage");
  if (id === ctx.companyId) throw new AppError("FORBIDDEN");
  return inTx({ ...ctx, companyId: id }, async (tx) => {
    const before = await findCompany(tx, id);
    const after = await updateCompany(tx, id, { status });
    if (!before || !after) throw new AppError("NOT_FOUND");
    if (before.status !== status) {
      const type = status === "suspended" ? "company.suspended" : "company.resumed";
      await appendEvent(tx, { subjectId: id, type, data: { companyId: id } });
    }
    return toCompany(after);
  });
}

export async function changeCompany(
  ctx: Ctx,
  changes: { name?: string; accentColor?: string; allowedOrigins?: string[] },
): Promise<Company> {
  requirePermission(ctx, "company.manage");
  return inTx(ctx, async (tx) => {
    const id = tx.companyId;
    const set = {
      name: changes.name,
      accent_color: changes.accentColor,
      allowed_origins: changes.allowedOrigins && [...new Set(changes.allowedOrigins.map(parseOrigin))],
    };
    const isEmpty = Object.values(set).every((value) => value === undefined);
    const row = isEmpty ? await findCompany(tx, id) : await updateCompany(tx, id, set);
    if (!row) throw new AppError("NOT_FOUND");
    if (!isEmpty) await appendEvent(tx, { subjectId: id, type: "company.changed", data: { companyId: id } });
    return toCompany(row);
  });
}

/** The origin as browsers write it. It ends up in a header, so it holds a plain host and nothing else. */
function parseOrigin(text: string, index: number): string {
  const origin = URL.canParse(text) ? new URL(text).origin : "";
  if (!/^https?:\/\/([a-z0-9._-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/.test(origin)) {
    throw invalidField(`allowedOrigins.${index}`, "must be an origin such as https://shop.example");
  }
  return origin;
}

/** What a widget needs to know of an active company. */
export type WidgetCompany = { id: CompanyId; name: string; accentColor: string; consentVersion: string };

/** NOT_FOUND for an unknown key and for a suspended company. */
export async function getWidgetCompany(ctx: SystemCtx, widgetKey: string): Promise<WidgetCompany> {
  const row = await inTx(ctx, (tx) => findCompanyByWidgetKey(tx, widgetKey));
  if (row?.status !== "active") throw new AppError("NOT_FOUND");
  return { id: row.id, name: row.name, accentColor: row.accent_color, consentVersion: row.consent_version };
}

/** Origins whose pages may embed the company's widget; null for any. NOT_FOUND as above. */
export async function getWidgetOrigins(ctx: SystemCtx, widgetKey: string): Promise<readonly string[] | null> {
  const row = await inTx(ctx, (tx) => findCompanyByWidgetKey(tx, widgetKey));
  if (row?.status !== "active") throw new AppError("NOT_FOUND");
  return row.allowed_origins.length === 0 ? null : row.allowed_origins;
}

/** Whether pages of this origin may use the company's chat. */
export async function isOriginAllowed(ctx: SystemCtx, origin: string, companyId: CompanyId): Promise<boolean> {
  const company = await inTx(ctx, (tx) => findCompany(tx, companyId));
  const ownOrigin = new URL(ctx.settings.publicUrl).origin;
  return company !== null && isOriginListed(origin, company.allowed_origins, ownOrigin);
}

/** All companies, suspended ones too, for jobs that work through them one by one. */
export async function listCompanyIds(ctx: SystemCtx): Promise<CompanyId[]> {
  const ids: CompanyId[] = [];
  for (;;) {
    const rows = await inTx(ctx, (tx) => selectCompanies(tx, ids.at(-1) ?? null, 500));
    ids.push(...rows.map((row) => row.id));
    if (rows.length < 500) return ids;
  }
}
