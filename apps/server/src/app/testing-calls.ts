// For tests only: a right call of every route. Who adds a route adds its body here, and says how to make what its
// address names; the tests of this folder call it as everybody, with everything wrong, and look at what comes back.
import { randomUUID } from "node:crypto";
import { type ConversationId, type Route, routes } from "@presszero/contracts";
import { closeConversation, sendMessage, startConversation } from "../modules/conversations/index.ts";
import { authenticate, createAgent, createApiKey, inviteAgent } from "../modules/identity/index.ts";
import { type Home, type House, password } from "./testing-house.ts";

export const text = { kind: "text" as const, text: "Hello" };

export const keyOf = (route: Route) => `${route.method} ${route.path}`;
export const allRoutes: readonly Route[] = routes;
export const routeOf = (key: string): Route => allRoutes.find((route) => keyOf(route) === key)!;

/** The things that addresses name, always of the company `home`: its customer's, its agent's. */
export const things: Record<string, (house: House, path: string) => Promise<string>> = {
  conversationId: async (house, path) => {
    const id = await newConversation(house);
    if (path.endsWith("/reopen")) await closeConversation(house.home.system, id);
    return id;
  },
  // In the customer's part of the API a message of the customer, elsewhere one of the agent.
  messageId: async (house, path) => {
    const conversationId = path.split("/").find((part) => part.startsWith("cnv_")) as ConversationId;
    const author = await house.as(path.startsWith("/v1/my/") ? "customer" : "agent");
    const input = { deviceId: randomUUID(), clientId: randomUUID(), message: text };
    return (await sendMessage(author, conversationId, input)).messageId;
  },
  agentId: async ({ home }) => (await addAgent(home)).id,
  sessionId: async (house) => {
    const caller = await authenticate(house.ctx, await house.enter("agent"));
    return caller.actor.type === "agent" ? caller.actor.sessionId : "";
  },
  invitationId: async ({ home }) => (await invite(home)).invitation.id,
  apiKeyId: async (house) => {
    const admin = await house.as("admin");
    return (await createApiKey(admin, { name: "Old", permissions: ["agents.read"] })).apiKey.id;
  },
  // The installation's: another company than the caller's own, which nobody may suspend.
  companyId: async ({ foreign }) => foreign.system.companyId,
  widgetKey: async ({ home }) => home.widgetKey,
  consumer: async () => "test",
  eventId: async ({ ctx, home }) => {
    const eventId = String(Math.floor(Math.random() * 1e12));
    await ctx.database.worker.query(
      `insert into consumer_retry (company_id, consumer, event_id, subject_id, event_type, seq, parked_at)
       values ($1, 'test', $2, 'x', 'thing.happened', 1, now())`,
      [home.system.companyId, eventId],
    );
    return eventId;
  },
};

/** Queries that have to be there. */
const queries: Record<string, (house: House) => string | Promise<string>> = {
  // A poll is answered at once when there is something to tell.
  "GET /v1/events": async (house) => `?deviceId=${randomUUID()}&conversations=${await newConversation(house)}:0&wait=0`,
  "GET /v1/messages/search": () => "?q=hello",
  "GET /v1/my/messages/search": () => "?q=hello",
};

/** Bodies that are right. */
export const bodies: Record<string, (house: House) => object | Promise<object>> = {
  "POST /v1/sessions": ({ home }) => ({ email: home.email("agent"), password }),
  "POST /v1/companies": ({ home }) => ({ name: "New", adminEmail: home.email(randomUUID()) }),
  "PATCH /v1/companies/:companyId": () => ({ status: "active" }),
  "PATCH /v1/company": () => ({ accentColor: "#000000" }),
  "PATCH /v1/agents/:agentId": () => ({ role: "supervisor" }),
  "POST /v1/invitations": ({ home }) => ({ email: home.email(randomUUID()), role: "agent" }),
  "POST /v1/invitations/accept": async ({ home }) => ({
    token: (await invite(home)).link.split("#token=")[1],
    name: "New",
    password,
  }),
  "POST /v1/api-keys": () => ({ name: "New", permissions: ["agents.read"] }),
  "POST /v1/realtime/tickets": () => ({ deviceId: randomUUID() }),
  "POST /v1/widgets/:widgetKey/guests": () => ({ deviceId: randomUUID(), consent: { version: "v1", locale: "en" } }),
  "POST /v1/conversations/:conversationId/messages": () => text,
  "PATCH /v1/conversations/:conversationId/messages/:messageId": () => ({ text: "Hello again" }),
  "POST /v1/conversations/:conversationId/messages/:messageId/reactions": () => ({ emoji: "👍", on: true }),
  "PATCH /v1/conversations/:conversationId/drafts": () => ({ kind: "text", text: "Dear" }),
  "POST /v1/conversations/:conversationId/ack": () => ({ seq: 1 }),
  "POST /v1/conversations/:conversationId/read": () => ({ seq: 1 }),
  "POST /v1/conversations/:conversationId/assign": async (house) => ({ agentId: (await house.as("agent")).actor.id }),
  "POST /v1/my/conversations": () => text,
  "POST /v1/my/conversations/:conversationId/messages": () => text,
  "PATCH /v1/my/conversations/:conversationId/messages/:messageId": () => ({ text: "Hello again" }),
  "POST /v1/my/conversations/:conversationId/messages/:messageId/reactions": () => ({ emoji: "👍", on: true }),
  "POST /v1/my/conversations/:conversationId/ack": () => ({ seq: 1 }),
  "POST /v1/my/conversations/:conversationId/read": () => ({ seq: 1 }),
  // There is an admin of the installation, so this can only be refused: the same for all.
  "POST /v1/setup": ({ home }) => ({
    token: "x".repeat(43),
    companyName: "New",
    name: "New",
    email: home.email(randomUUID()),
    password,
  }),
};

export async function newConversation(house: House, of: "customer" | "foreignCustomer" = "customer") {
  const input = { deviceId: randomUUID(), clientId: randomUUID(), message: text };
  return (await startConversation(await house.as(of), input)).conversationId;
}

export const addAgent = (home: Home) =>
  createAgent(home.system, { name: "New", email: home.email(randomUUID()), password, role: "agent" });
export const invite = (home: Home) => inviteAgent(home.system, { email: home.email(randomUUID()), role: "agent" });

/** The call of this route on a thing of its own, ready for `house.call` but for the token. */
export async function rightCall(house: House, route: Route) {
  let url: string = route.path;
  for (const [, name] of route.path.matchAll(/:(\w+)/g)) {
    url = url.replace(`:${name}`, await things[name!]!(house, url));
  }
  const headers: Record<string, string> = route.idempotent ? { "idempotency-key": randomUUID() } : {};
  const payload = await bodies[keyOf(route)]?.(house);
  return { method: route.method, url: url + ((await queries[keyOf(route)]?.(house)) ?? ""), payload, headers };
}
