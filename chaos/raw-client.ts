// A minimal client: a socket and frames, no engine. For crowds, and for clients that misbehave.
import { once } from "node:events";
import { request } from "node:http";
import type { ClientFrame, ServerFrame } from "@presszero/contracts";
import { protocolVersion, realtimePath, subProtocol } from "@presszero/contracts/protocol";
import WebSocket from "ws";

export type RawOptions = {
  url: string;
  token: string;
  deviceId: string;
  subscriptions?: { conversationId: string; after: number }[];
  /** An address of 127.0.0.0/8, so that many clients look like many. */
  localAddress?: string;
  onFrame?: (frame: ServerFrame) => void;
};

export type RawClient = {
  socket: WebSocket;
  send(frame: ClientFrame): void;
  /** Drops the connection by a reset. */
  reset(): void;
  /** Stops reading, so that everything piles up before us. */
  stopReading(): void;
};

/** A refusal of the server: an HTTP status, and after how many seconds to come back if it said so. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly retryAfter: number | null;
  constructor(status: number, retryAfter: string | undefined) {
    super(`refused with ${status}`);
    this.status = status;
    this.retryAfter = retryAfter === undefined ? null : Number(retryAfter);
  }
}

type Call = { url: string; path: string; body: unknown; token?: string; localAddress?: string; clientId?: string };

/** POSTs JSON from an address of our choice. Throws `Refused`, or the error of the line. */
export function post<T>({ url, path, body, token, localAddress, clientId }: Call): Promise<T> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (clientId !== undefined) headers["idempotency-key"] = clientId;
    const call = request(new URL(path, url), { method: "POST", headers, localAddress, agent: false, timeout: 15_000 });
    call.on("timeout", () => call.destroy(new Error("no answer in 15 s")));
    call.on("error", reject);
    call.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => {
        const status = response.statusCode ?? 0;
        if (status >= 300) return reject(new Refused(status, response.headers["retry-after"]));
        return resolve(JSON.parse(text) as T);
      });
    });
    call.end(JSON.stringify(body));
  });
}

/** Connects and waits for the welcome. Throws `Refused`, or an error with the close code. */
export async function connectRaw(options: RawOptions): Promise<RawClient> {
  const { url, token, deviceId, localAddress } = options;
  const { ticket } = await post<{ ticket: string }>({
    url,
    path: "/v1/realtime/tickets",
    body: { deviceId },
    token,
    localAddress,
  });
  const socket = new WebSocket(url.replace(/^http/, "ws") + realtimePath, subProtocol, {
    localAddress,
    perMessageDeflate: false,
    handshakeTimeout: 15_000,
  });
  socket.on("error", () => {});
  const refused = new Promise<never>((_, reject) => {
    socket.on("unexpected-response", (_request, response) => {
      reject(new Refused(response.statusCode ?? 0, response.headers["retry-after"]));
      response.destroy();
    });
    socket.on("close", (code) => reject(new Error(`closed with ${code}`)));
  });
  refused.catch(() => {});
  await Promise.race([once(socket, "open"), refused]);
  const send = (frame: ClientFrame) => socket.send(JSON.stringify(frame));
  const welcome = new Promise<void>((resolve) => {
    socket.on("message", (data) => {
      const frame = JSON.parse((data as Buffer).toString()) as ServerFrame;
      if (frame.type === "welcome") resolve();
      options.onFrame?.(frame);
    });
  });
  send({
    type: "hello",
    version: protocolVersion,
    ticket,
    deviceId,
    client: "chaos/1",
    epoch: null,
    subscriptions: (options.subscriptions ?? []) as Extract<ClientFrame, { type: "hello" }>["subscriptions"],
  });
  await Promise.race([welcome, refused]);
  return {
    socket,
    send,
    reset: () => lineOf(socket).resetAndDestroy(),
    stopReading: () => lineOf(socket).pause(),
  };
}

/** The TCP connection below the socket, which ws keeps to itself. */
function lineOf(socket: WebSocket): { resetAndDestroy(): void; pause(): void } {
  return (socket as unknown as { _socket: { resetAndDestroy(): void; pause(): void } })._socket;
}
