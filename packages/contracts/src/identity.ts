import { z } from "zod";
import { agentId, apiKeyId, clientUuid, companyId, contactId, invitationId, sessionId } from "./ids.ts";
import { permission } from "./permissions.ts";
import { page, pageQuery, route, timestamp } from "./route.ts";
import { locale, nameText } from "./text.ts";

/** The roles of a company. The platform admin is an agent with `platform.manage` on top of the role. */
export const roles = ["company_admin", "supervisor", "agent"] as const;
export type Role = (typeof roles)[number];
export const role = z.enum(roles);

export const emailAddress = z
  .string()
  .trim()
  .max(254)
  .transform((value) => value.normalize("NFKC").toLowerCase())
  .pipe(z.email());
/** Length is capped before hashing (argon2id would otherwise hash megabytes). */
export const newPassword = z.string().min(10).max(128);

export const company = z
  .strictObject({
    id: companyId,
    name: z.string(),
    slug: z.string(),
    widgetKey: z.string(),
    /** Origins whose pages may embed the widget; empty means any. */
    allowedOrigins: z.array(z.string()),
    accentColor: z.string(),
    status: z.enum(["active", "suspended"]),
    createdAt: timestamp,
  })
  .meta({ id: "Company" });
export type Company = z.infer<typeof company>;

export const agent = z
  .strictObject({
    id: agentId,
    name: z.string(),
    email: z.string(),
    role,
    status: z.enum(["active", "deactivated"]),
    createdAt: timestamp,
  })
  .meta({ id: "Agent" });
export type Agent = z.infer<typeof agent>;

export const session = z
  .strictObject({
    id: sessionId,
    current: z.boolean(),
    userAgent: z.string(),
    createdAt: timestamp,
    lastUsedAt: timestamp,
    expiresAt: timestamp,
  })
  .meta({ id: "Session" });
export type Session = z.infer<typeof session>;

export const invitation = z
  .strictObject({
    id: invitationId,
    email: z.string(),
    role,
    invitedBy: z.string(),
    createdAt: timestamp,
    expiresAt: timestamp,
  })
  .meta({ id: "Invitation" });
export type Invitation = z.infer<typeof invitation>;

export const apiKey = z
  .strictObject({
    id: apiKeyId,
    name: z.string(),
    permissions: z.array(permission),
    /** The first characters of the key, to recognise it by. */
    prefix: z.string(),
    createdAt: timestamp,
    lastUsedAt: timestamp.nullable(),
    expiresAt: timestamp.nullable(),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof apiKey>;

/** Who is calling. */
export const me = z
  .discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("agent"),
      agent,
      company,
      permissions: z.array(permission),
    }),
    z.strictObject({
      type: z.literal("api_key"),
      id: apiKeyId,
      name: z.string(),
      companyId,
      permissions: z.array(permission),
    }),
    z.strictObject({
      type: z.literal("contact"),
      id: contactId,
      name: z.string().nullable(),
      companyId,
      companyName: z.string(),
    }),
  ])
  .meta({ id: "Me" });
export type Me = z.infer<typeof me>;

/** `token` is filled only when the request asked for `transport: "token"`; a browser gets an HttpOnly cookie instead. */
export const signedIn = z.strictObject({ me, token: z.string().nullable() }).meta({ id: "SignedIn" });
/** The language of the mail that goes out. */
const mailLocale = locale.default("en");
const transport = z.enum(["cookie", "token"]).default("cookie");

export const identityRoutes = [
  route({
    method: "POST",
    path: "/v1/sessions",
    summary: "Sign in an agent",
    access: "public",
    body: z.strictObject({
      email: emailAddress,
      password: z.string().min(1).max(128),
      companyId: companyId.optional(),
      transport,
    }),
    response: signedIn,
  }),
  route({ method: "GET", path: "/v1/me", summary: "Who am I", access: "signed_in", response: me }),
  route({
    method: "GET",
    path: "/v1/sessions",
    summary: "List my sessions",
    access: "agents.read",
    response: z.strictObject({ items: z.array(session) }),
  }),
  route({ method: "DELETE", path: "/v1/sessions/current", summary: "Sign out", access: "signed_in" }),
  route({
    method: "DELETE",
    path: "/v1/sessions/:sessionId",
    summary: "Revoke one of my sessions",
    access: "agents.read",
    params: z.strictObject({ sessionId }),
  }),
  route({
    method: "POST",
    path: "/v1/setup",
    summary: "Create the first company and its admin with the link printed at the first start",
    access: "public",
    body: z.strictObject({
      token: z.string().min(20).max(200),
      companyName: nameText,
      name: nameText,
      email: emailAddress,
      password: newPassword,
      transport,
    }),
    response: signedIn,
  }),
  route({
    method: "GET",
    path: "/v1/companies",
    summary: "List all companies of this installation",
    access: "platform.manage",
    query: pageQuery,
    response: page(company),
  }),
  route({
    method: "POST",
    path: "/v1/companies",
    summary: "Create a company and invite its first admin",
    access: "platform.manage",
    body: z.strictObject({ name: nameText, adminEmail: emailAddress, locale: mailLocale }),
    response: z.strictObject({ company, invitation, link: z.string() }),
  }),
  route({
    method: "PATCH",
    path: "/v1/companies/:companyId",
    summary: "Suspend a company or make it active again",
    access: "platform.manage",
    params: z.strictObject({ companyId }),
    body: z.strictObject({ status: z.enum(["active", "suspended"]) }),
    response: company,
  }),
  route({
    method: "PATCH",
    path: "/v1/company",
    summary: "Change my company's name, colour or allowed origins",
    access: "company.manage",
    body: z.strictObject({
      name: nameText.optional(),
      accentColor: z
        .string()
        .regex(/^#[0-9a-f]{6}$/)
        .optional(),
      allowedOrigins: z
        .array(
          z
            .string()
            .max(200)
            .regex(/^https?:\/\/[^/\s]+$/, "must be an origin such as https://shop.example"),
        )
        .max(50)
        .optional(),
    }),
    response: company,
  }),
  route({
    method: "GET",
    path: "/v1/agents",
    summary: "List the agents of my company",
    access: "agents.read",
    query: pageQuery,
    response: page(agent),
  }),
  route({
    method: "PATCH",
    path: "/v1/agents/:agentId",
    summary: "Change an agent's role or deactivate them; ends their sessions",
    access: "agents.manage",
    params: z.strictObject({ agentId }),
    body: z.strictObject({ role: role.optional(), status: z.enum(["active", "deactivated"]).optional() }),
    response: agent,
  }),
  route({
    method: "GET",
    path: "/v1/invitations",
    summary: "List open invitations",
    access: "agents.manage",
    query: pageQuery,
    response: page(invitation),
  }),
  route({
    method: "POST",
    path: "/v1/invitations",
    summary: "Invite a person as an agent; they get a mail with a link",
    access: "agents.manage",
    body: z.strictObject({ email: emailAddress, role, locale: mailLocale }),
    response: z.strictObject({ invitation, link: z.string() }),
  }),
  route({
    method: "DELETE",
    path: "/v1/invitations/:invitationId",
    summary: "Revoke an invitation",
    access: "agents.manage",
    params: z.strictObject({ invitationId }),
  }),
  route({
    method: "POST",
    path: "/v1/invitations/accept",
    summary: "Accept an invitation and sign in",
    access: "public",
    body: z.strictObject({ token: z.string().min(20).max(200), name: nameText, password: newPassword, transport }),
    response: signedIn,
  }),
  route({
    method: "GET",
    path: "/v1/api-keys",
    summary: "List API keys",
    access: "api_keys.manage",
    query: pageQuery,
    response: page(apiKey),
  }),
  route({
    method: "POST",
    path: "/v1/api-keys",
    summary: "Create an API key; the secret is shown once",
    access: "api_keys.manage",
    body: z.strictObject({
      name: nameText,
      permissions: z.array(permission).min(1),
      expiresAt: timestamp.optional(),
    }),
    response: z.strictObject({ apiKey, secret: z.string() }),
  }),
  route({
    method: "DELETE",
    path: "/v1/api-keys/:apiKeyId",
    summary: "Revoke an API key",
    access: "api_keys.manage",
    params: z.strictObject({ apiKeyId }),
  }),
  route({
    method: "POST",
    path: "/v1/realtime/tickets",
    summary: "Get a single-use ticket (60 s) for the hello frame of a realtime connection from this device",
    access: "signed_in",
    body: z.strictObject({ deviceId: clientUuid }),
    response: z.strictObject({ ticket: z.string(), expiresAt: timestamp }),
  }),
];
