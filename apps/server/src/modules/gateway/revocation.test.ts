// SR3: connections end when the sign-in behind them does, in the process that is told, in one that the relay tells, and in
// one that nobody tells.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBus } from "../../kernel/bus.ts";
import { type Ctx, systemCtx } from "../../kernel/context.ts";
import { startRelay } from "../../kernel/relay.ts";
import { createTestCtx, type TestCtx } from "../../kernel/testing.ts";
import {
  authenticate,
  changeAgent,
  changeCompanyStatus,
  createApiKey,
  createTicket,
  revokeApiKey,
  revokeSession,
  signOut,
} from "../identity/index.ts";
import { createTestCompany, type TestCompany } from "../testing.ts";
import { startGateway } from "./index.ts";
import { openTestClient, type TestClient } from "./test-client.ts";

type Process = { name: string; ctx: TestCtx; port: number; stop(): Promise<void> };

let system: TestCtx;
const processes: Process[] = [];

beforeAll(async () => {
  system = await createTestCtx();
  processes.push(await startProcess("the same process", true));
  processes.push(await startProcess("one that the relay tells", true));
  processes.push(await startProcess("one that only the sweep tells", false));
});
afterAll(async () => {
  for (const process of processes) await process.stop();
  await system.close();
});

async function startProcess(name: string, hasRelay: boolean): Promise<Process> {
  const ctx = { ...system, bus: createBus((error) => system.log.error(error)) };
  const relay = hasRelay ? await startRelay(ctx) : null;
  const gateway = await startGateway(ctx, () => "192.0.2.1");
  const server = createServer();
  server.on("upgrade", gateway.handleUpgrade);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    name,
    ctx,
    port: (server.address() as AddressInfo).port,
    async stop() {
      await gateway.drain(0);
      server.close();
      await relay?.stop();
    },
  };
}

async function connect({ port }: Process, ctx: Ctx): Promise<TestClient> {
  const client = await openTestClient(port);
  const deviceId = randomUUID();
  const { ticket } = await createTicket(ctx, { deviceId });
  client.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] });
  await client.next("welcome");
  return client;
}

type Ending = {
  what: string;
  who(company: TestCompany): Promise<Ctx>;
  /** What the first process does. */
  end(company: TestCompany, who: Ctx): Promise<unknown>;
  /** The colleague is concerned too. */
  isForAll?: true;
};

const agentOf = (ctx: Ctx) => {
  if (ctx.actor.type !== "agent") throw new Error("not an agent");
  return ctx.actor;
};
const here = (ctx: Ctx): Ctx => ({ ...ctx, bus: processes[0]!.ctx.bus });

const endings: Ending[] = [
  { what: "sign-out", who: async ({ agent }) => agent, end: (_company, who) => signOut(here(who)) },
  { what: "sign-out of a guest", who: async ({ customer }) => customer, end: (_company, who) => signOut(here(who)) },
  {
    what: "revocation of the session",
    who: async ({ agent }) => agent,
    end: (_company, who) => revokeSession(here(who), agentOf(who).sessionId),
  },
  {
    what: "another role",
    who: async ({ agent }) => agent,
    end: ({ admin }, who) => changeAgent(here(admin), agentOf(who).id, { role: "supervisor" }),
  },
  {
    what: "deactivation",
    who: async ({ agent }) => agent,
    end: ({ admin }, who) => changeAgent(here(admin), agentOf(who).id, { status: "deactivated" }),
  },
  {
    what: "revocation of an API key",
    async who({ admin }) {
      const { secret } = await createApiKey(admin, { name: "Key", permissions: ["conversations.read"] });
      return authenticate(system, secret);
    },
    end({ admin }, who) {
      if (who.actor.type !== "api_key") throw new Error("not a key");
      return revokeApiKey(here(admin), who.actor.id);
    },
  },
  {
    what: "suspension of the company",
    who: async ({ customer }) => customer,
    async end({ companyId }) {
      const platform = await createTestCompany(system, "Platform");
      return changeCompanyStatus(here(systemCtx(system, platform.companyId, "test")), companyId, "suspended");
    },
    isForAll: true,
  },
];

describe.each(endings)("[SR3] $what", ({ who, end, isForAll }) => {
  it("ends the connections of whom it concerns, wherever they are, and nobody else's", async () => {
    const company = await createTestCompany(system);
    const person = await who(company);
    const concerned = await Promise.all(processes.map((process) => connect(process, person)));
    const colleagues = await Promise.all(processes.map((process) => connect(process, company.admin)));
    await end(company, person);
    const codes = await Promise.all(concerned.map((client) => client.closed));
    expect(codes).toEqual([4491, 4491, 4491]);
    for (const colleague of colleagues) {
      if (isForAll) expect(await colleague.closed).toBe(4491);
      else {
        colleague.send({ type: "ping", n: 1 });
        await colleague.next("pong");
        colleague.close();
      }
    }
  });
});

it("[SR3] a sign-in that ends while its ticket is redeemed opens nothing that lasts", async () => {
  for (let round = 0; round < 10; round++) {
    const company = await createTestCompany(system);
    const client = await openTestClient(processes[0]!.port);
    const deviceId = randomUUID();
    const { ticket } = await createTicket(company.agent, { deviceId });
    client.send({ type: "hello", version: 1, ticket, deviceId, client: "test/1", epoch: null, subscriptions: [] });
    await signOut(here(company.agent));
    expect([4401, 4491]).toContain(await client.closed);
  }
});
