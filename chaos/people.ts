// Companies and people, made through the public API as an installation's owner would make them.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConversationId, Role } from "@presszero/contracts";
import { type ApiClient, createApi } from "@presszero/sdk";
import type { Node } from "./cluster.ts";

export type Company = { letter: string; id: string; widgetKey: string; admin: ApiClient };
/** An agent; `signIn` opens a further session and answers its token. */
export type Agent = { company: Company; id: string; token: string; signIn(): Promise<string> };
export type Customer = {
  company: Company;
  id: string;
  token: string;
  deviceId: string;
  conversationId: ConversationId;
  /** The client id of the message that started the conversation. */
  firstClientId: string;
};

const password = "chaos monkeys dance";

/** Two companies of which the first one's admin runs the installation. */
export async function createCompanies(node: Node): Promise<[Company, Company]> {
  const open = createApi({ baseUrl: node.directUrl });
  let token: string | undefined;
  // The server is ready a moment before it says so.
  for (let tries = 0; token === undefined && tries < 100; tries++) {
    token = /setup#token=(\S+)/.exec(node.output())?.[1];
    if (token === undefined) await sleep(50);
  }
  if (token === undefined) throw new Error(`The server printed no setup link.\n${node.output()}`);
  const first = await open("POST /v1/setup", {
    body: { token, companyName: "Alder", name: "Ada", email: "ada@a.example", password, transport: "token" },
  });
  const owner = createApi({ baseUrl: node.directUrl, token: first.token! });
  const second = await owner("POST /v1/companies", { body: { name: "Birch", adminEmail: "bea@b.example" } });
  const joined = await accept(node, second.link, "Bea");
  return [
    await describe("A", owner),
    await describe("B", createApi({ baseUrl: node.directUrl, token: joined.token! })),
  ];
}

async function describe(letter: string, admin: ApiClient): Promise<Company> {
  const me = await admin("GET /v1/me");
  if (me.type !== "agent") throw new Error("An admin is an agent.");
  return { letter, id: me.company.id, widgetKey: me.company.widgetKey, admin };
}

async function accept(node: Node, link: string, name: string) {
  const token = /token=([^&\s]+)/.exec(link)?.[1];
  if (token === undefined) throw new Error(`There is no token in ${link}.`);
  const open = createApi({ baseUrl: node.directUrl });
  return open("POST /v1/invitations/accept", { body: { token, name, password, transport: "token" } });
}

export async function createAgent(node: Node, company: Company, name: string, role: Role = "agent"): Promise<Agent> {
  const email = `${name.toLowerCase()}@${company.letter.toLowerCase()}.example`;
  const { link } = await company.admin("POST /v1/invitations", { body: { email, role } });
  const { me, token } = await accept(node, link, name);
  if (me.type !== "agent") throw new Error("An invited person is an agent.");
  return {
    company,
    id: me.agent.id,
    token: token!,
    async signIn() {
      const open = createApi({ baseUrl: node.directUrl });
      const session = await open("POST /v1/sessions", { body: { email, password, transport: "token" } });
      return session.token!;
    },
  };
}

/** A guest with one conversation, which `text` starts. */
export async function createCustomer(url: string, company: Company, text: string): Promise<Customer> {
  const deviceId = randomUUID();
  const open = createApi({ baseUrl: url });
  const { token, me } = await open("POST /v1/widgets/:widgetKey/guests", {
    params: { widgetKey: company.widgetKey },
    body: { deviceId, consent: { version: "v1", locale: "en" } },
  });
  if (me.type !== "contact") throw new Error("A guest is a contact.");
  const api = createApi({ baseUrl: url, token });
  const firstClientId = randomUUID();
  const started = await api("POST /v1/my/conversations", {
    body: { kind: "text", text },
    clientId: firstClientId,
  });
  return { company, id: me.id, token, deviceId, conversationId: started.conversationId, firstClientId };
}
