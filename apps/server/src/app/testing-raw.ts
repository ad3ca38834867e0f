// For tests only: bytes on a connection, without a client that would put them right.
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";

const patienceMs = 20_000;

/**
 * Sends the bytes and waits until the server closes the connection. Answers what came back as Latin-1; rejects when the
 * server leaves the connection open. A request should ask for `Connection: close`, unless it is one that is refused.
 */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const all = untilClosed(socket);
  // Not ended from this side: a server gives nothing to a client that has hung up.
  socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  return (await all).toString("latin1");
}

/** Everything that comes until the other end closes. */
function untilClosed(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the connection stays open; received: ${Buffer.concat(received).toString("latin1")}`));
    }, patienceMs);
    socket.on("data", (chunk) => void received.push(chunk));
    // A server that refuses does not read to the end.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(received));
    });
  });
}

export const handshake = (extra = "") =>
  "GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: presszero.v1\r\n${extra}\r\n`;

/**
 * Opens a WebSocket by hand, sends these bytes, and waits for its end: the code of the server's close frame, or null when
 * it closed without one.
 */
export async function closeCodeAfter(port: number, bytes: Buffer): Promise<number | null> {
  const socket = connect(port, "127.0.0.1");
  const all = untilClosed(socket);
  socket.write(handshake());
  await new Promise((resolve) => socket.once("data", resolve));
  socket.write(bytes);
  socket.once("data", () => socket.end());
  const received = await all;
  const frames = received.subarray(received.indexOf("\r\n\r\n") + 4);
  for (let at = 0; at + 1 < frames.length;) {
    const [opcode, short] = [frames[at]! & 0x0f, frames[at + 1]! & 0x7f];
    const length = short === 126 ? frames.readUInt16BE(at + 2) : short;
    const start = at + (short === 126 ? 4 : 2);
    if (opcode === 8) return length >= 2 ? frames.readUInt16BE(start) : null;
    at = start + length;
  }
  return null;
}

/** Opens a WebSocket by hand, sends these bytes and is gone. */
export async function breakOff(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.write(handshake());
  await new Promise((resolve) => socket.once("data", resolve));
  socket.write(bytes, () => socket.destroy());
  await new Promise((resolve) => socket.once("close", resolve));
}

type FrameOptions = { opcode?: number; fin?: boolean; reserved?: number; isMasked?: boolean; length?: number };

/** A frame as a client sends it, or not quite. */
export function wireFrame(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { opcode = 1, fin = true, reserved = 0, isMasked = true } = options;
  const body = Buffer.from(payload);
  const length = options.length ?? body.length;
  const head = Buffer.alloc(length > 65_535 ? 10 : length > 125 ? 4 : 2);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | (length > 65_535 ? 127 : length > 125 ? 126 : length);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!isMasked) return Buffer.concat([head, body]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, body.map((byte, index) => byte ^ mask[index % 4]!)]);
}
