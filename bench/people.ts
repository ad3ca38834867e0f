// The people of a run: customers with a conversation each, and agents who follow them, made through the public API.
import { randomUUID } from "node:crypto";
import type { AgentId, CompanyId, ContactId, ConversationId } from "@presszero/contracts";
import { type ApiClient, createApi } from "@presszero/sdk";
import { withClient } from "./lib/cluster.ts";
import type { Load, Pair } from "./lib/load.ts";
import type { Product } from "./product.ts";
import type { FloorLogin } from "./servers/floor.ts";

const demoAdmin = { email: "amara@demo.presszero.example", password: "press-zero-demo" };
const agentPassword = "bench-of-press-zero";
/** An agent has at most so many connections. */
const socketsOfAgent = 10;
const requestsAtOnce = 16;

/** Someone with one connection, who follows `conversations` by their place in the cast. */
type Member = { api: ApiClient; deviceId: string; address: string; login: FloorLogin; conversations: number[] };

export type Cast = {
  product: Product;
  members: Member[];
  conversations: { id: ConversationId; pair: Pair }[];
  /** Messages that each conversation holds already. */
  messages: Map<string, number>;
  /** Messages that were confirmed since, by the place of the conversation. */
  confirmed: readonly number[];
};

let addresses = 0;
/** A forwarded address that nobody else of this run has. */
function nextAddress(): string {
  addresses++;
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`;
}

function apiFrom(product: Product, address: string, token?: string): ApiClient {
  return createApi({
    baseUrl: product.baseUrl,
    token,
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set("x-forwarded-for", address);
      return fetch(input, { ...init, headers });
    },
  });
}

export type Admin = { api: ApiClient; agentId: AgentId; companyId: CompanyId; widgetKey: string };

export async function signIn(product: Product): Promise<Admin> {
  const address = nextAddress();
  const { token, me } = await apiFrom(product, address)("POST /v1/sessions", {
    body: { ...demoAdmin, transport: "token" },
  });
  if (me.type !== "agent") throw new Error("the demo's admin is an agent");
  const { agent, company } = me;
  return {
    api: apiFrom(product, address, token!),
    agentId: agent.id,
    companyId: company.id,
    widgetKey: company.widgetKey,
  };
}

type Guest = { api: ApiClient; id: ContactId; deviceId: string; address: string };

async function createGuest(product: Product, admin: Admin): Promise<Guest> {
  const address = nextAddress();
  const deviceId = randomUUID();
  const { token, me } = await apiFrom(product, address)("POST /v1/widgets/:widgetKey/guests", {
    params: { widgetKey: admin.widgetKey },
    body: { deviceId, consent: { version: "v1", locale: "en" } },
  });
  if (me.type !== "contact") throw new Error("a guest is a contact");
  return { api: apiFrom(product, address, token), id: me.id, deviceId, address };
}

async function createAgents(product: Product, admin: Admin, count: number) {
  return mapAtOnce(Array.from({ length: count }), 4, async () => {
    const address = nextAddress();
    const email = `${randomUUID()}@bench.presszero.example`;
    const { link } = await admin.api("POST /v1/invitations", { body: { email, role: "agent" } });
    const token = /[^/=?#]+$/.exec(link)![0];
    const signedIn = await apiFrom(product, address)("POST /v1/invitations/accept", {
      body: { token, name: "Agent", password: agentPassword, transport: "token" },
    });
    if (signedIn.me.type !== "agent") throw new Error("an agent was invited");
    return { api: apiFrom(product, address, signedIn.token!), id: signedIn.me.agent.id };
  });
}

/** `customers` with a conversation each, shared evenly among `agentSockets` connections of agents. */
export async function createCast(
  product: Product,
  admin: Admin,
  size: { customers: number; agentSockets: number },
): Promise<Cast> {
  const agents = await createAgents(product, admin, Math.ceil(size.agentSockets / socketsOfAgent));
  const { companyId } = admin;
  const customers = await mapAtOnce(Array.from({ length: size.customers }), requestsAtOnce, (_, index) =>
    createCustomer(product, admin, index),
  );
  const staff = Array.from({ length: size.agentSockets }, (_, socket): Member => {
    const agent = agents[Math.floor(socket / socketsOfAgent)]!;
    return {
      api: agent.api,
      deviceId: randomUUID(),
      address: nextAddress(),
      login: { companyId, authorType: "agent", authorId: agent.id },
      conversations: [],
    };
  });
  const conversations = customers.map(({ id }, index) => {
    const socket = index % size.agentSockets;
    staff[socket]!.conversations.push(index);
    return { id, pair: { conversationId: id, ends: [index, size.customers + socket] as [number, number] } };
  });
  return {
    product,
    members: [...customers.map(({ member }) => member), ...staff],
    conversations,
    messages: new Map(conversations.map(({ id }) => [id, 1])),
    confirmed: [],
  };
}

/** Guests who have the chat open and have not said anything. */
export async function createIdleGuests(product: Product, admin: Admin, count: number): Promise<Cast> {
  const members = await mapAtOnce(Array.from({ length: count }), requestsAtOnce, async (): Promise<Member> => {
    const guest = await createGuest(product, admin);
    const login: FloorLogin = { companyId: admin.companyId, authorType: "contact", authorId: guest.id };
    return { ...guest, login, conversations: [] };
  });
  return { product, members, conversations: [], messages: new Map(), confirmed: [] };
}

/** One customer, and the admin who answers: the least it takes to deliver a message. */
export async function createCastOfTwo(product: Product, admin: Admin): Promise<Cast> {
  const customer = await createCustomer(product, admin, 0);
  const agent = { deviceId: randomUUID(), address: nextAddress(), conversations: [0] };
  const login: FloorLogin = { companyId: admin.companyId, authorType: "agent", authorId: admin.agentId };
  return {
    product,
    members: [customer.member, { ...agent, api: admin.api, login }],
    conversations: [{ id: customer.id, pair: { conversationId: customer.id, ends: [0, 1] } }],
    messages: new Map([[customer.id, 1]]),
    confirmed: [],
  };
}

async function createCustomer(product: Product, admin: Admin, index: number) {
  const guest = await createGuest(product, admin);
  const { conversationId } = await guest.api("POST /v1/my/conversations", {
    body: { kind: "text", text: "Hello" },
    clientId: randomUUID(),
  });
  const login: FloorLogin = { companyId: admin.companyId, authorType: "contact", authorId: guest.id };
  const member: Member = { ...guest, login, conversations: [index] };
  return { id: conversationId, member };
}

/** Connects everybody to the product with fresh tickets, which last a minute: so not all tickets are made at once. */
export async function connectToProduct(cast: Cast, load: Load): Promise<void> {
  await load.target("product", cast.product.port);
  await connect(cast, load, async (member) => {
    const { ticket } = await member.api("POST /v1/realtime/tickets", { body: { deviceId: member.deviceId } });
    return ticket;
  });
}

/** Connects everybody to a floor, which believes what they say. */
export async function connectToFloor(cast: Cast, load: Load, port: number): Promise<void> {
  await load.target("product", port);
  await connect(cast, load, async (member) => JSON.stringify(member.login));
}

async function connect(cast: Cast, load: Load, ticketOf: (member: Member) => Promise<string>): Promise<void> {
  const heads = await readHeads(cast);
  for (let start = 0; start < cast.members.length; start += 1_000) {
    const people = await mapAtOnce(cast.members.slice(start, start + 1_000), requestsAtOnce, async (member) => ({
      address: member.address,
      login: JSON.stringify({
        type: "hello",
        version: 1,
        ticket: await ticketOf(member),
        deviceId: member.deviceId,
        client: "bench/1",
        epoch: null,
        subscriptions: member.conversations.map((index) => {
          const { id } = cast.conversations[index]!;
          const head = heads.get(id)!;
          return { conversationId: id, after: member.login.authorType === "contact" ? head.public : head.all };
        }),
      }),
    }));
    await load.connect(people);
  }
  await load.pairs(cast.conversations.map(({ pair }) => pair));
}

async function readHeads(cast: Cast): Promise<Map<string, { all: number; public: number }>> {
  const { rows } = await withClient(cast.product.cluster.url, (client) =>
    client.query<{ id: string; seq: string; public_seq: string }>("select id, seq, public_seq from conversation"),
  );
  return new Map(rows.map((row) => [row.id, { all: Number(row.seq), public: Number(row.public_seq) }]));
}

async function mapAtOnce<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index]!, index);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}
