export { requirePermission } from "./access.ts";
export { identityJobs } from "./jobs.ts";
export { addressKey, consumeLimit } from "./rate-limits.ts";
export { identityHandlers } from "./routes.ts";
export { permissionsOf } from "./rules.ts";
export { changeAgent, createAgent, getAssignableAgent } from "./service/agents.ts";
export { createApiKey, revokeApiKey } from "./service/api-keys.ts";
export { authenticate, isStillSignedIn } from "./service/authenticate.ts";
export {
  changeCompany,
  changeCompanyStatus,
  createCompany,
  getWidgetCompany,
  getWidgetOrigins,
  isOriginAllowed,
  listCompanyIds,
} from "./service/companies.ts";
export { createGuestSession } from "./service/guests.ts";
export { acceptInvitation, findInvitationMail, inviteAgent } from "./service/invitations.ts";
export { revokeSession, signIn, signOut } from "./service/sessions.ts";
export { firstAdminLink, setUp } from "./service/setup.ts";
export { createTicket, redeemTicket, useDevice } from "./service/tickets.ts";
