// The chat of Socket.IO's tutorial with its messages in PostgreSQL: one insert for each message, then a push to the
// other side. No sign-in, no order, no acknowledgement.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { createPeerServer } from "./socketio-types.ts";

type ChatMessage = { to: number; conversation: string; body: string };

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
await pool.query(
  `create table if not exists messages (
     id serial primary key, conversation text, from_id int, to_id int, content text, created_at timestamptz default now())`,
);
await pool.query("create index if not exists messages_conversation on messages (conversation)");

const http = createServer();
const io = await createPeerServer(http);
io.on("connection", (socket) => {
  const user = Number(socket.handshake.query.user);
  void socket.join(`user:${user}`);
  socket.on("chat message", (message: ChatMessage) => void store(user, message));
});

async function store(user: number, message: ChatMessage): Promise<void> {
  const { rows } = await pool.query<{ id: number; created_at: Date }>(
    "insert into messages (conversation, from_id, to_id, content) values ($1, $2, $3, $4) returning id, created_at",
    [message.conversation, user, message.to, message.body],
  );
  const { id, created_at: at } = rows[0]!;
  io.to(`user:${message.to}`).emit("chat message", { id, from: user, body: message.body, at });
}

process.on("disconnect", () => process.exit(0));
http.listen(0, "127.0.0.1", () => process.send!({ type: "ready", port: (http.address() as AddressInfo).port }));
