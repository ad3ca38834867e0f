import type { identityRoutes } from "@presszero/contracts";
import type { RouteHandlers } from "../../kernel/http.ts";
import { changeAgent, listAgents } from "./service/agents.ts";
import { createApiKey, listApiKeys, revokeApiKey } from "./service/api-keys.ts";
import { changeCompany, changeCompanyStatus, createCompanyWithAdmin, listCompanies } from "./service/companies.ts";
import { acceptInvitation, inviteAgent, listInvitations, revokeInvitation } from "./service/invitations.ts";
import { getMe } from "./service/me.ts";
import { listSessions, revokeSession, type SignedIn, signIn, signOut } from "./service/sessions.ts";
import { setUp } from "./service/setup.ts";
import { createTicket } from "./service/tickets.ts";

/** A browser keeps the token in a cookie that its scripts cannot read; others ask for the token itself. */
function answerSignIn(
  { token, me }: SignedIn,
  input: { body: { transport: "cookie" | "token" }; setSessionCookie(token: string): void },
) {
  if (input.body.transport === "token") return { me, token };
  input.setSessionCookie(token);
  return { me, token: null };
}

export const identityHandlers: RouteHandlers<(typeof identityRoutes)[number]> = {
  "POST /v1/sessions": async (ctx, input) => answerSignIn(await signIn(ctx, input.body, input.client), input),
  "GET /v1/me": (ctx) => getMe(ctx),
  "GET /v1/sessions": (ctx) => listSessions(ctx),
  "DELETE /v1/sessions/current": async (ctx, input) => {
    await signOut(ctx);
    input.setSessionCookie(null);
  },
  "DELETE /v1/sessions/:sessionId": (ctx, { params }) => revokeSession(ctx, params.sessionId),
  "POST /v1/setup": async (ctx, input) => answerSignIn(await setUp(ctx, input.body, input.client), input),
  "GET /v1/companies": (ctx, { query }) => listCompanies(ctx, query),
  "POST /v1/companies": (ctx, { body }) => createCompanyWithAdmin(ctx, body),
  "PATCH /v1/companies/:companyId": (ctx, { params, body }) => changeCompanyStatus(ctx, params.companyId, body.status),
  "PATCH /v1/company": (ctx, { body }) => changeCompany(ctx, body),
  "GET /v1/agents": (ctx, { query }) => listAgents(ctx, query),
  "PATCH /v1/agents/:agentId": (ctx, { params, body }) => changeAgent(ctx, params.agentId, body),
  "GET /v1/invitations": (ctx, { query }) => listInvitations(ctx, query),
  "POST /v1/invitations": (ctx, { body }) => inviteAgent(ctx, body),
  "DELETE /v1/invitations/:invitationId": (ctx, { params }) => revokeInvitation(ctx, params.invitationId),
  "POST /v1/invitations/accept": async (ctx, input) =>
    answerSignIn(await acceptInvitation(ctx, input.body, input.client), input),
  "GET /v1/api-keys": (ctx, { query }) => listApiKeys(ctx, query),
  "POST /v1/api-keys": (ctx, { body }) => createApiKey(ctx, body),
  "DELETE /v1/api-keys/:apiKeyId": (ctx, { params }) => revokeApiKey(ctx, params.apiKeyId),
  "POST /v1/realtime/tickets": (ctx, { body }) => createTicket(ctx, body),
};
