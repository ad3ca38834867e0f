// For tests only: a whole server with two companies and every kind of caller, and a checksum of everything it stores.
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { permissions, type Permission, type Route } from "@presszero/contracts";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import pg from "pg";
import type { Logger } from "pino";
import { type Ctx, systemCtx } from "../kernel/context.ts";
import { inTx } from "../kernel/database.ts";
import { newId } from "../kernel/ids.ts";
import type { Settings } from "../kernel/settings.ts";
import { createTestCtx, type TestCtx } from "../kernel/testing.ts";
import { createGuest } from "../modules/contacts/index.ts";
import { startGateway } from "../modules/gateway/index.ts";
import { openTestClient, type TestClient } from "../modules/gateway/test-client.ts";
import {
  authenticate,
  changeAgent,
  changeCompanyStatus,
  createAgent,
  createApiKey,
  createCompany,
  createTicket,
  revokeApiKey,
  signIn,
  signOut,
} from "../modules/identity/index.ts";
import { serveHealth } from "./health.ts";
import { createHttpServer } from "./http.ts";
import { handlers } from "./modules.ts";

/** Those who may come in, all but nobody with a token that counts. `foreign…` are of another company. */
export const callers = [
  "nobody",
  "customer",
  "otherCustomer",
  "agent",
  "supervisor",
  "admin",
  "platformAdmin",
  "apiKey",
  "narrowKey",
  "foreignCustomer",
  "foreignAdmin",
] as const;
export type Caller = (typeof callers)[number];
export type SignedInCaller = Exclude<Caller, "nobody">;

/** Those whose token counts no more, or never did. */
export const formerCallers = [
  "signed-out agent",
  "deactivated agent",
  "demoted agent",
  "agent with an old session",
  "signed-out customer",
  "customer with an old session",
  "revoked API key",
  "expired API key",
  "admin of a suspended company",
  "customer of a suspended company",
  "API key of a suspended company",
  "holder of a forged session",
  "holder of a session dressed up as an API key",
  "holder of a session dressed up as one of another company",
  "holder of a ticket",
] as const;
export type FormerCaller = (typeof formerCallers)[number];

/** A company with an agent of each role, at `ROLE@SLUG.example`. */
export type Home = { system: Ctx; widgetKey: string; email(name: string): string };

export type House = {
  ctx: TestCtx;
  server: FastifyInstance;
  port: number;
  home: Home;
  foreign: Home;
  suspended: Home;
  tokens: Record<SignedInCaller, string>;
  formerTokens: Record<FormerCaller, string>;
  /** Signs a caller in anew. */
  enter(caller: SignedInCaller): Promise<string>;
  /** An API key of `home` that may do just this. */
  newKey(allowed: readonly Permission[]): Promise<string>;
  /** The caller as the context of a service. */
  as(caller: SignedInCaller): Promise<Ctx>;
  call(request: Call): Promise<LightMyRequestResponse>;
  /** Opens a socket and says hello with a ticket of this token. */
  open(token: string, hello?: Hello): Promise<TestClient>;
  /** The same up to the welcome. */
  connect(token: string, hello?: Hello): Promise<TestClient>;
  /** Changes with every stored row, of whichever table and company. */
  checksum(): Promise<string>;
  /** Ends the connections as a restart does. */
  drain(): Promise<void>;
  close(): Promise<void>;
};

export type Call = {
  method: Route["method"] | "PUT" | "HEAD" | "OPTIONS";
  url: string;
  token?: string | null;
  /** An object is sent as JSON, text as it is. */
  payload?: object | string;
  headers?: Record<string, string>;
};

type Hello = { feed?: string | null; deviceId?: string; subscriptions?: { conversationId: string; after: number }[] };

export const password = "a long enough password";
const client = { ip: "203.0.113.7", userAgent: "Firefox", origin: null };
const days = 86_400_000;

/** Limits on tries are for tests of their own: everybody else comes from an address of their own. */
export const randomAddress = () => `2001:db8:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1`;

export async function openHouse(settings: Partial<Settings> = {}, log?: Logger): Promise<House> {
  const testCtx = await createTestCtx(settings);
  const ctx = log ? { ...testCtx, log } : testCtx;
  // The time stands still, so that no use of a session is worth recording and reading changes no row.
  const now = new Date();
  ctx.clock.set(now);
  const [home, foreign, suspended] = await Promise.all(
    ["home", "foreign", "suspended"].map((slug) => createHome(slug)),
  );

  async function createHome(slug: string): Promise<Home> {
    const system = systemCtx(ctx, newId("company"), "test");
    const email = (name: string) => `${name}@${slug}.example`;
    const widgetKey = await inTx(system, async (tx) => {
      const company = await createCompany(tx, { name: slug });
      for (const role of ["agent", "supervisor", "company_admin"] as const) {
        await createAgent(tx, { name: role, email: email(role), password, role });
      }
      const platform = { name: "platform", email: email("platform"), role: "company_admin" } as const;
      await createAgent(tx, { ...platform, password, isPlatformAdmin: true });
      return company.widgetKey;
    });
    return { system, widgetKey, email };
  }

  const signInAs = async (one: Home, name: string) =>
    (await signIn(ctx, { email: one.email(name), password }, { ...client, ip: randomAddress() })).token;
  const newGuest = async ({ widgetKey }: Home) => {
    const consent = { version: "v1", locale: "en" };
    return (await createGuest(ctx, widgetKey, { deviceId: randomUUID(), consent }, client)).token;
  };
  const newKeyOf = async (token: string, allowed: readonly Permission[], expiresAt?: string) => {
    const input = { name: "Key", permissions: [...allowed], expiresAt };
    const created = await createApiKey(await authenticate(ctx, token), input);
    // The first use is recorded.
    await authenticate(ctx, created.secret);
    return created;
  };
  const all = permissions.filter((permission) => permission !== "platform.manage");

  const tokens = {} as House["tokens"];
  async function enter(caller: SignedInCaller): Promise<string> {
    switch (caller) {
      case "customer":
      case "otherCustomer":
        return newGuest(home!);
      case "foreignCustomer":
        return newGuest(foreign!);
      case "agent":
      case "supervisor":
        return signInAs(home!, caller);
      case "admin":
        return signInAs(home!, "company_admin");
      case "platformAdmin":
        return signInAs(home!, "platform");
      case "foreignAdmin":
        return signInAs(foreign!, "company_admin");
      case "apiKey":
        return (await newKeyOf(tokens.admin, all)).secret;
      case "narrowKey":
        return (await newKeyOf(tokens.admin, ["agents.read"])).secret;
    }
  }
  tokens.admin = await enter("admin");
  for (const caller of callers) if (caller !== "nobody") tokens[caller] ??= await enter(caller);

  async function leave(former: FormerCaller): Promise<string> {
    const ofNew = async (name: string, change: "deactivated" | "supervisor" | null) => {
      const agent = await createAgent(home!.system, { name, email: home!.email(name), password, role: "agent" });
      const token = await signInAs(home!, name);
      if (change === null) await signOut(await authenticate(ctx, token));
      else {
        const changes = change === "deactivated" ? { status: change } : { role: change };
        await changeAgent(home!.system, agent.id, changes);
      }
      return token;
    };
    const before = async (ms: number, make: () => Promise<string>) => {
      ctx.clock.set(new Date(now.getTime() - ms));
      const token = await make();
      ctx.clock.set(now);
      return token;
    };
    switch (former) {
      case "signed-out agent":
        return ofNew("left", null);
      case "deactivated agent":
        return ofNew("deactivated", "deactivated");
      case "demoted agent":
        return ofNew("changed", "supervisor");
      case "agent with an old session":
        return before(31 * days, () => signInAs(home!, "agent"));
      case "signed-out customer": {
        const token = await newGuest(home!);
        await signOut(await authenticate(ctx, token));
        return token;
      }
      case "customer with an old session":
        return before(366 * days, () => newGuest(home!));
      case "revoked API key": {
        const { apiKey, secret } = await newKeyOf(tokens.admin, all);
        await revokeApiKey(home!.system, apiKey.id);
        return secret;
      }
      case "expired API key":
        return before(1000, async () => (await newKeyOf(tokens.admin, all, now.toISOString())).secret);
      case "admin of a suspended company":
        return signInAs(suspended!, "company_admin");
      case "customer of a suspended company":
        return newGuest(suspended!);
      case "API key of a suspended company":
        return (await newKeyOf(await signInAs(suspended!, "company_admin"), all)).secret;
      case "holder of a forged session":
        return `pzs.${home!.system.companyId}.${"x".repeat(43)}`;
      case "holder of a session dressed up as an API key":
        return tokens.admin.replace(/^pzs/, "pzk");
      case "holder of a session dressed up as one of another company":
        return tokens.admin.replace(home!.system.companyId, foreign!.system.companyId);
      case "holder of a ticket":
        return (await createTicket(await authenticate(ctx, tokens.admin), { deviceId: randomUUID() })).ticket;
    }
  }
  const formerTokens = {} as House["formerTokens"];
  for (const former of formerCallers) formerTokens[former] = await leave(former);
  await changeCompanyStatus(home!.system, suspended!.system.companyId, "suspended");

  const gateway = await startGateway(ctx, (request) => request.socket.remoteAddress ?? "");
  const server = await createHttpServer(ctx, { ...handlers, ...gateway.handlers });
  serveHealth(server, ctx, () => false);
  server.server.on("upgrade", gateway.handleUpgrade);
  await server.listen({ port: 0, host: "127.0.0.1" });
  const { port } = server.server.address() as AddressInfo;
  let draining: Promise<void> | null = null;

  const owner = new pg.Client({ connectionString: ctx.url });
  await owner.connect();
  const { rows: tables } = await owner.query<{ name: string }>(
    "select relname as name from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace order by 1",
  );
  const checksums = tables.map(
    ({ name }) =>
      `select '${name} ' || count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) as sum from ${name} t`,
  );

  async function open(token: string, { deviceId = randomUUID(), feed, subscriptions = [] }: Hello = {}) {
    const { ticket } = await createTicket(await authenticate(ctx, token), { deviceId });
    const socket = await openTestClient(port);
    const frame = { type: "hello", version: 1, ticket, deviceId, client: "test", epoch: null, feed, subscriptions };
    socket.sendRaw(JSON.stringify(frame));
    return socket;
  }

  return {
    ctx,
    server,
    port,
    home: home!,
    foreign: foreign!,
    suspended: suspended!,
    tokens,
    formerTokens,
    enter,
    newKey: async (allowed) => (await newKeyOf(tokens.admin, allowed)).secret,
    as: (caller) => authenticate(ctx, tokens[caller]),
    call: ({ method, url, token, payload, headers }) =>
      server.inject({
        method,
        url,
        payload,
        remoteAddress: randomAddress(),
        headers: {
          ...(typeof payload === "string" && { "content-type": "application/json" }),
          ...(token && { authorization: `Bearer ${token}` }),
          ...headers,
        },
      }),
    open,
    async connect(token, hello) {
      const socket = await open(token, hello);
      await socket.next("welcome");
      return socket;
    },
    async checksum() {
      const { rows } = await owner.query<{ sum: string }>(checksums.join(" union all "));
      return rows.map((row) => row.sum).join("\n");
    },
    drain: () => (draining ??= gateway.drain(0)),
    async close() {
      await (draining ??= gateway.drain(0));
      await server.close();
      await owner.end();
      await ctx.close();
    },
  };
}
