// The product's whole path, from one person to another, beside servers that do less on the same machine.
import { type Bench, startFloor } from "../bench.ts";
import { stopChild } from "../lib/child.ts";
import { loadSide, medianOf, type Side, verifyCast } from "../lib/sides.ts";
import { type Cast, connectToFloor, connectToProduct, createCast } from "../people.ts";

const pairs = 200;
/** One connection sends and receives: an echo. */
const echoConnections = 200;
const manyConnections = 10_000;
const manyAgentSockets = 200;
const rates = { light: 500, many: 3_000 };

export type Chat = { closed: Side; atRate(name: string, rate: () => number): Side; verify(): Promise<string[]> };

/** 200 customers, and an agent's connection for each. */
export function createPairs(bench: Bench): Promise<Cast> {
  return createCast(bench.product, bench.admin, { customers: pairs, agentSockets: pairs });
}

export async function productChat(bench: Bench, cast: Cast): Promise<Chat> {
  const { product } = bench;
  const load = bench.newLoad();
  await connectToProduct(cast, load);
  const parties = () => ({ server: product.child.pid!, database: product.cluster.pid });
  return {
    closed: loadSide({ name: "chat-closed", load, parties, cast }),
    atRate: (name, rate) => loadSide({ name, load, parties, cast, rate }),
    verify: async () => (await verifyCast(cast)).problems,
  };
}

export type FloorChat = Chat & { stop(): Promise<void> };

/** The same frames on the gateway without a database, which may have the people of the product, or with a transaction for each message. */
export async function floorChat(bench: Bench, kind: "memory" | "one-tx", people: Cast): Promise<FloorChat> {
  const { product } = bench;
  const load = bench.newLoad();
  const floor = await startFloor(kind, product.cluster.url);
  await connectToFloor(people, load, floor.port);
  const parties = () => ({ server: floor.child.pid!, database: product.cluster.pid });
  const isStored = kind === "one-tx";
  const cast = isStored ? people : undefined;
  return {
    closed: loadSide({ name: isStored ? "one-tx-closed" : "gateway-no-db", load, parties, cast }),
    atRate: (name, rate) => loadSide({ name, load, parties, cast, rate }),
    verify: async () => (cast ? (await verifyCast(cast)).problems : []),
    stop: () => stopChild(floor.child),
  };
}

export async function echoSide(bench: Bench): Promise<Side> {
  const floor = await startFloor("echo");
  const load = bench.newLoad();
  await load.target("echo", floor.port);
  await load.connect(Array.from({ length: echoConnections }, () => ({ login: "", address: "10.0.0.1" })));
  await load.pairs(
    Array.from({ length: echoConnections }, (_, index) => ({ conversationId: "", ends: [index, index] })),
  );
  return loadSide({ name: "ws-echo", load, parties: () => ({ server: floor.child.pid!, database: null }) });
}

/** Shares of the highest rate that the closed loop has found. */
export function openSides(bench: Bench, chat: Chat, oneTx: Chat | null): Side[] {
  const share = (part: number) => () => part * medianOf(bench.results, "chat-closed", "rate")!;
  if (!bench.isFull) return [chat.atRate("chat-open-50", share(0.5))];
  return [
    ...[20, 50, 80].map((percent) => chat.atRate(`chat-open-${percent}`, share(percent / 100))),
    chat.atRate("chat-light", () => rates.light),
    ...(oneTx ? [oneTx.atRate("one-tx-light", () => rates.light)] : []),
  ];
}

/** 10,000 connections, most of them customers who all write now and then. */
export async function manySides(bench: Bench): Promise<{ sides: Side[]; verify: Chat["verify"] }> {
  const size = { customers: manyConnections - manyAgentSockets, agentSockets: manyAgentSockets };
  const cast = await createCast(bench.product, bench.admin, size);
  const chat = await productChat(bench, cast);
  const floor = await floorChat(bench, "memory", cast);
  return {
    sides: [chat.atRate("chat-10k", () => rates.many), floor.atRate("gateway-10k", () => rates.many)],
    verify: chat.verify,
  };
}
