// What a server costs that does less than ours. FLOOR says how much it does:
//   echo     sends back every text
//   memory   the gateway without a database: parses and validates frames, confirms, pushes to both sides, stores nothing
//   one-tx   the same, and commits every message by itself through a pool of 16, with the function that our writer uses
import { createHash, randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { clientFrame, conversationId, type ParsedClientFrame, subProtocol } from "@presszero/contracts";
import pg from "pg";
import { type WebSocket, WebSocketServer } from "ws";

type FrameOf<T extends ParsedClientFrame["type"]> = Extract<ParsedClientFrame, { type: T }>;
/** In place of a ticket: who connects. */
export type FloorLogin = { companyId: string; authorType: "contact" | "agent"; authorId: string };
type Connection = FloorLogin & { socket: WebSocket; deviceId: string };
type Stored = { messageId: string; seq: number; at: string };

const kind = process.env.FLOOR;
const pool =
  kind === "one-tx"
    ? new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16, options: "-c role=presszero_writer" })
    : null;
const followers = new Map<string, Set<Connection>>();
const heads = new Map<string, number>();

const server = new WebSocketServer({
  port: 0,
  host: "127.0.0.1",
  perMessageDeflate: false,
  clientTracking: false,
  handleProtocols: (offered) => (offered.has(subProtocol) ? subProtocol : false),
});
server.on("connection", kind === "echo" ? echo : serve);
server.on("listening", () => process.send!({ type: "ready", port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit(0));

function echo(socket: WebSocket): void {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
}

function serve(socket: WebSocket): void {
  let connection: Connection | null = null;
  socket.on("message", (data) => {
    const frame = clientFrame.parse(JSON.parse((data as Buffer).toString()));
    if (frame.type === "hello") connection = welcome(socket, frame);
    else if (frame.type === "send" && connection) void answer(connection, frame);
  });
  socket.on("close", () => {
    for (const members of followers.values()) if (connection) members.delete(connection);
  });
}

function welcome(socket: WebSocket, frame: FrameOf<"hello">): Connection {
  const connection = { ...(JSON.parse(frame.ticket) as FloorLogin), socket, deviceId: frame.deviceId };
  socket.send(JSON.stringify({ type: "welcome" }));
  for (const { conversationId: id, after } of frame.subscriptions) {
    const members = followers.get(id) ?? new Set();
    followers.set(id, members.add(connection));
    socket.send(JSON.stringify({ type: "synced", conversationId: id, head: after, from: after, to: after }));
  }
  return connection;
}

async function answer(author: Connection, frame: FrameOf<"send">): Promise<void> {
  const id = conversationId.parse(frame.conversationId);
  const { messageId, seq, at } = pool ? await commit(author, id, frame) : number(id);
  const sent = { messageId, conversationId: id, clientId: frame.clientId, seq, at, duplicate: false };
  author.socket.send(JSON.stringify({ type: "ok", id: frame.id, ...sent }));
  const by = { type: author.authorType, id: author.authorId, name: null };
  for (const follower of followers.get(id) ?? []) {
    const data = {
      seq,
      kind: frame.message.kind,
      createdBy: author.authorType === "contact" ? "user" : "system",
      id: messageId,
      companyId: author.companyId,
      conversationId: id,
      clientId: follower === author ? frame.clientId : null,
      author: by,
      text: frame.message.text,
      status: "sent",
      createdAt: at,
    };
    const event = { type: "event", conversationId: id, seq, at, by, kind: "message.created", data };
    follower.socket.send(JSON.stringify(event));
  }
}

function number(id: string): Stored {
  const seq = (heads.get(id) ?? 0) + 1;
  heads.set(id, seq);
  return { messageId: newMessageId(), seq, at: new Date().toISOString() };
}

function newMessageId(): string {
  return `msg_${randomUUID().replaceAll("-", "").slice(0, 26)}`;
}

type CommitRow = { outcome: string; message_id: string; seq: string; public_seq: string; created_at: Date };

async function commit(author: Connection, id: string, frame: FrameOf<"send">): Promise<Stored> {
  const { message, clientId } = frame;
  const hash = createHash("sha256")
    .update(JSON.stringify([message.kind, message.text]))
    .digest();
  const values = [
    author.companyId,
    id,
    newMessageId(),
    author.deviceId,
    clientId,
    hash,
    author.authorType,
    author.authorId,
    message.kind,
    message.text,
  ].map((value) => [value]);
  const { rows } = await pool!.query<CommitRow>({
    name: "commit_messages",
    text: `select outcome, message_id, seq, public_seq, created_at
           from commit_messages($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bytea[], $7::text[],
                                $8::text[], $9::text[], $10::text[], true)`,
    values,
  });
  const row = rows[0]!;
  if (row.outcome !== "ok") throw new Error(`the message was answered with ${row.outcome}`);
  const seq = Number(author.authorType === "contact" ? row.public_seq : row.seq);
  return { messageId: row.message_id, seq, at: row.created_at.toISOString() };
}
