// A WebSocket client that costs little: frames are written as they are handed in, and read without being copied.
import { connect } from "node:net";

export type ClientSocket = {
  write(frame: Buffer): void;
  close(): void;
};

export type ClientOptions = {
  port: number;
  path: string;
  protocol: string | null;
  /** Further lines of the upgrade request. */
  headers?: Record<string, string>;
  /** Spreads the connections over several addresses of the loopback network, each with ports of its own. */
  sourceAddress: string;
  /** The payload stands in `data` from `start` to `end`; the buffer is not kept. */
  onText(data: Buffer, start: number, end: number): void;
  onClose(): void;
};

const sourceAddresses = Array.from({ length: 10 }, (_, index) => `127.0.0.${index + 2}`);

export function sourceAddress(index: number): string {
  return sourceAddresses[index % sourceAddresses.length]!;
}

/** A text frame with a mask of zeros, which leaves the payload readable and patchable. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  if (length > 0xffff) throw new Error("frames of the load generator are shorter than 64 KiB");
  const header = length < 126 ? 6 : 8;
  const frame = Buffer.alloc(header + length);
  frame[0] = 0x81;
  if (length < 126) frame[1] = 0x80 | length;
  else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  }
  frame.write(text, header);
  return frame;
}

/** Resolves when the server has accepted the upgrade. */
export function openClient(options: ClientOptions): Promise<ClientSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: options.port, localAddress: options.sourceAddress });
    socket.setNoDelay(true);
    const lines = [
      `GET ${options.path} HTTP/1.1`,
      "Host: localhost",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      ...(options.protocol === null ? [] : [`Sec-WebSocket-Protocol: ${options.protocol}`]),
      ...Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    let isOpen = false;
    let rest: Buffer | null = null;
    socket.on("error", (error) => {
      if (!isOpen) reject(error);
    });
    socket.on("close", () => {
      if (isOpen) options.onClose();
      else reject(new Error("the server closed the connection during the upgrade"));
    });
    socket.on("data", (chunk) => {
      let data = rest ? Buffer.concat([rest, chunk]) : chunk;
      rest = null;
      if (!isOpen) {
        const end = data.indexOf("\r\n\r\n");
        if (end < 0) return void (rest = data);
        const status = data.toString("latin1", 0, data.indexOf("\r\n"));
        if (!status.includes(" 101 ")) return void socket.destroy(new Error(`the upgrade was refused: ${status}`));
        isOpen = true;
        data = data.subarray(end + 4);
        resolve({ write: (frame) => void socket.write(frame), close: () => void socket.destroy() });
      }
      rest = readFrames(
        data,
        options.onText,
        (pong) => void socket.write(pong),
        () => void socket.end(),
      );
    });
  });
}

/** Handles the whole frames in `data` and returns the unfinished one at its end. Servers do not mask. */
function readFrames(
  data: Buffer,
  onText: ClientOptions["onText"],
  answerPing: (pong: Buffer) => void,
  onEnd: () => void,
): Buffer | null {
  let at = 0;
  while (data.length - at >= 2) {
    let length = data[at + 1]! & 0x7f;
    let header = 2;
    if (length === 126) {
      if (data.length - at < 4) break;
      length = data.readUInt16BE(at + 2);
      header = 4;
    } else if (length === 127) {
      if (data.length - at < 10) break;
      length = Number(data.readBigUInt64BE(at + 2));
      header = 10;
    }
    if (data.length - at < header + length) break;
    const start = at + header;
    at = start + length;
    const opcode = data[start - header]! & 0x0f;
    if (opcode === 1) onText(data, start, at);
    else if (opcode === 8) onEnd();
    else if (opcode === 9) {
      answerPing(Buffer.concat([Buffer.from([0x8a, 0x80 | length, 0, 0, 0, 0]), data.subarray(start, at)]));
    }
  }
  return at < data.length ? data.subarray(at) : null;
}
