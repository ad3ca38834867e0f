import { z } from "zod";
import { me } from "./identity.ts";
import { clientUuid, contactId } from "./ids.ts";
import { route, timestamp } from "./route.ts";
import { languageTag, nameText } from "./text.ts";

export const contact = z
  .strictObject({
    id: contactId,
    name: z.string().nullable(),
    email: z.string().nullable(),
    locale: z.string().nullable(),
    createdAt: timestamp,
  })
  .meta({ id: "Contact" });
export type Contact = z.infer<typeof contact>;

/** What a widget needs before consent: static, cacheable, the same for every visitor. */
export const widgetSettings = z
  .strictObject({
    widgetKey: z.string(),
    companyName: z.string(),
    accentColor: z.string(),
    consent: z.strictObject({ version: z.string(), required: z.boolean() }),
  })
  .meta({ id: "WidgetSettings" });
export type WidgetSettings = z.infer<typeof widgetSettings>;

const widgetParams = z.strictObject({ widgetKey: z.string().regex(/^[0-9a-z]{10,40}$/) });

export const contactsRoutes = [
  route({
    method: "GET",
    path: "/v1/widgets/:widgetKey",
    summary: "Public settings of a company's widget",
    access: "public",
    params: widgetParams,
    response: widgetSettings,
  }),
  route({
    method: "POST",
    path: "/v1/widgets/:widgetKey/guests",
    summary: "Record consent and create a guest: a customer without registration",
    access: "public",
    params: widgetParams,
    body: z.strictObject({
      deviceId: clientUuid,
      consent: z.strictObject({ version: z.string().max(40), locale: languageTag }),
      name: nameText.optional(),
    }),
    response: z.strictObject({ token: z.string(), me }),
  }),
];
