// A crowd of minimal clients in a process of its own, driven by messages of its parent.
import type { ServerFrame } from "@presszero/contracts";
import { connectRaw, post, type RawClient, Refused } from "./raw-client.ts";

export type HerdOrder =
  | { type: "create"; url: string; widgetKey: string; clients: number; text: string }
  /** Resets every connection. From here on each client comes back by itself. */
  | { type: "drop" }
  /** Which conversations must have come to which seq before the herd counts as synced. */
  | { type: "expect"; heads: Record<string, number> };

export type HerdReport =
  | { type: "created"; conversations: { c: string; cid: string; token: string }[] }
  /** Seconds since the drop at which each client was synced again, and what went wrong on the way. */
  | { type: "synced"; seconds: number[]; refusals: Record<string, number>; missing: number };

type Member = {
  token: string;
  deviceId: string;
  c: string;
  cid: string;
  address: string;
  last: number;
  client: RawClient | null;
  isSynced: boolean;
  syncedAt: number;
  failures: number;
};

const backoffCapMs = 60_000;
const createdAtOnce = 24;
const members: Member[] = [];
const refusals: Record<string, number> = {};
let order: Extract<HerdOrder, { type: "create" }>;
let droppedAt = 0;

const report = (message: HerdReport) => process.send!(message);

async function create(index: number): Promise<Member> {
  const { url, widgetKey, text } = order;
  const deviceId = crypto.randomUUID();
  const cid = crypto.randomUUID();
  const address = `127.${1 + (index >> 14)}.${(index >> 7) & 127}.${1 + (index & 127)}`;
  const guest = await post<{ token: string }>({
    url,
    path: `/v1/widgets/${widgetKey}/guests`,
    body: { deviceId, consent: { version: "v1", locale: "en" } },
    localAddress: address,
  });
  const { token } = guest;
  const started = await post<{ conversationId: string }>({
    url,
    path: "/v1/my/conversations",
    body: { kind: "text", text },
    token,
    clientId: cid,
    localAddress: address,
  });
  const c = started.conversationId;
  const member = { token, deviceId, c, cid, address, last: 0, client: null, isSynced: false, syncedAt: 0, failures: 0 };
  return member;
}

async function connect(member: Member): Promise<void> {
  const { token, deviceId, c, address } = member;
  try {
    member.client = await connectRaw({
      url: order.url,
      token,
      deviceId,
      localAddress: address,
      subscriptions: [{ conversationId: c, after: member.last }],
      onFrame: (frame) => receive(member, frame),
    });
    const { socket } = member.client;
    socket.on("close", (code) => lost(member, `close ${code}`));
    if (socket.readyState !== socket.OPEN) lost(member, "lost at once");
  } catch (error) {
    const retryAfter = error instanceof Refused ? error.retryAfter : null;
    lost(member, error instanceof Refused ? `HTTP ${error.status}` : (error as Error).message, retryAfter);
  }
}

function receive(member: Member, frame: ServerFrame): void {
  if (frame.type === "event" && frame.seq === member.last + 1) member.last = frame.seq;
  if (frame.type !== "synced") return;
  member.isSynced = true;
  member.syncedAt = performance.now();
}

/** Full jitter, as the SDK does it; what the server asks for comes first. */
function lost(member: Member, why: string, retryAfter: number | null = null): void {
  if (droppedAt > 0) refusals[why] = (refusals[why] ?? 0) + 1;
  member.client = null;
  member.isSynced = false;
  const pause = Math.random() * Math.min(backoffCapMs, 1000 * 2 ** member.failures++);
  setTimeout(() => void connect(member), (retryAfter ?? 0) * 1000 + pause);
}

async function createAll(): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < order.clients) members.push(await create(next++));
  };
  await Promise.all(Array.from({ length: createdAtOnce }, work));
  next = 0;
  const open = async () => {
    while (next < members.length) await connect(members[next++]!);
  };
  await Promise.all(Array.from({ length: createdAtOnce }, open));
  while (!members.every((member) => member.isSynced)) await new Promise((resolve) => setTimeout(resolve, 50));
  report({ type: "created", conversations: members.map(({ c, cid, token }) => ({ c, cid, token })) });
}

function drop(): void {
  droppedAt = performance.now();
  for (const member of members) {
    member.failures = 0;
    member.client?.reset();
    member.isSynced = false;
  }
}

async function expectHeads(heads: Record<string, number>): Promise<void> {
  const isDone = (member: Member) => member.isSynced && member.last >= (heads[member.c] ?? 0);
  while (!members.every(isDone) && performance.now() - droppedAt < 180_000) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const seconds = members.filter(isDone).map((member) => (member.syncedAt - droppedAt) / 1000);
  report({ type: "synced", seconds, refusals, missing: members.length - seconds.length });
}

process.on("message", (message: HerdOrder) => {
  if (message.type === "drop") return drop();
  if (message.type === "expect") return void expectHeads(message.heads);
  order = message;
  void createAll();
});
process.on("disconnect", () => process.exit());
