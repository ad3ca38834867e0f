import type { Me, WidgetSettings } from "@presszero/contracts";
import { type SystemCtx, systemCtx } from "../../kernel/context.ts";
import { inTx } from "../../kernel/database.ts";
import { AppError } from "../../kernel/errors.ts";
import { appendEvent } from "../../kernel/events.ts";
import { newId } from "../../kernel/ids.ts";
import { hashSecret } from "../../kernel/tokens.ts";
import { addressKey, consumeLimit, createGuestSession, getWidgetCompany, isOriginAllowed } from "../identity/index.ts";
import { truncateAddress } from "./rules.ts";
import { insertConsent, insertContact } from "./store.ts";

/** NOT_FOUND for an unknown key and for a suspended company. */
export async function getWidgetSettings(ctx: SystemCtx, widgetKey: string): Promise<WidgetSettings> {
  const company = await getWidgetCompany(ctx, widgetKey);
  return {
    widgetKey,
    companyName: company.name,
    accentColor: company.accentColor,
    consent: { version: company.consentVersion, required: true },
  };
}

/**
 * Records that a person agreed to the company's current terms, and signs them in as a new contact on this device.
 * ORIGIN_NOT_ALLOWED for a page that may not use this chat, CONSENT_REQUIRED for other terms than the current ones.
 */
export async function createGuest(
  ctx: SystemCtx,
  widgetKey: string,
  input: { deviceId: string; consent: { version: string; locale: string }; name?: string },
  client: { ip: string; userAgent: string; origin: string | null },
): Promise<{ token: string; me: Me }> {
  await consumeLimit(ctx, "guestsFromAddress", addressKey(client.ip));
  const company = await getWidgetCompany(ctx, widgetKey);
  if (client.origin !== null && !(await isOriginAllowed(ctx, client.origin, company.id))) {
    throw new AppError("ORIGIN_NOT_ALLOWED");
  }
  if (input.consent.version !== company.consentVersion) {
    throw new AppError("CONSENT_REQUIRED", { details: { version: company.consentVersion } });
  }
  return inTx(systemCtx(ctx, company.id, "widget"), async (tx) => {
    const { version, locale } = input.consent;
    const created_at = tx.clock.now();
    const contact = { id: newId("contact"), name: input.name ?? null };
    const consentId = newId("consent");
    await insertContact(tx, { ...contact, locale, created_at });
    await insertConsent(tx, {
      id: consentId,
      contact_id: contact.id,
      version,
      locale,
      ip_truncated: truncateAddress(client.ip),
      user_agent_hash: hashSecret(client.userAgent),
      created_at,
    });
    await appendEvent(tx, {
      subjectId: contact.id,
      type: "contact.created",
      data: { contactId: contact.id, consentId },
    });
    return createGuestSession(tx, { contact, deviceId: input.deviceId });
  });
}
