// For tests only: bytes on a connection, without a client that would put them right.
import { connect, type Socket } from "node:net";

const patienceMs = 20_000;

/**
 * Sends the bytes and waits until the server closes the connection. Answers what came back as Latin-1; rejects when the
 * server leaves the connection open. A request should ask for `Connection: close`, unless it is one that is refused.
 */
export function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const received: Buffer[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the connection stays open; received: ${Buffer.concat(received).toString("latin1")}`));
    }, patienceMs);
    const end = () => {
      clearTimeout(timer);
      resolve(Buffer.concat(received).toString("latin1"));
    };
    socket.on("data", (chunk) => void received.push(chunk));
    // A server that refuses does not read to the end.
    socket.on("error", () => {});
    socket.on("close", end);
    // Not ended from this side: a server gives nothing to a client that has hung up.
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  });
}

/** The same for a WebSocket: the handshake, then frames as they are given. */
export async function openRawSocket(port: number, extra = ""): Promise<{ socket: Socket; head: string }> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    `GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: presszero.v1\r\n${extra}\r\n`,
  );
  const head = await new Promise<string>((resolve) =>
    socket.once("data", (chunk) => resolve(chunk.toString("latin1"))),
  );
  return { socket, head };
}
