// For tests only: a client that speaks frames, and checks every frame of the server against the contract.
import { type ClientFrame, realtimePath, type ServerFrame, serverFrame, subProtocol } from "@presszero/contracts";
import { WebSocket } from "ws";

type FrameOf<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

export type TestClient = {
  /** Everything received so far. */
  frames: ServerFrame[];
  send(frame: ClientFrame): void;
  sendRaw(data: string | Buffer): void;
  /** The first frame of this type, received or to come, that `matches` and was not taken before. */
  next<T extends ServerFrame["type"]>(type: T, matches?: (frame: FrameOf<T>) => boolean): Promise<FrameOf<T>>;
  /** Resolves with the close code. */
  closed: Promise<number>;
  close(code?: number): void;
  /** Does not read any more, so that the server's close frame stays unanswered. */
  deafen(): void;
  /** Reads again. */
  listen(): void;
};

const patienceMs = 8_000;

/** What a client has received, and who waits for what. */
export function createInbox() {
  const frames: ServerFrame[] = [];
  const taken = new Set<ServerFrame>();
  const waiting = new Set<() => void>();
  let fault: Error | null = null;
  return {
    frames,
    put(received: unknown): void {
      const parsed = serverFrame.safeParse(received);
      if (parsed.success) frames.push(parsed.data);
      else fault ??= new Error(`not a frame of the contract: ${JSON.stringify(received)}\n${parsed.error.message}`);
      for (const check of waiting) check();
    },
    next<T extends ServerFrame["type"]>(type: T, matches: (frame: FrameOf<T>) => boolean = () => true) {
      return new Promise<FrameOf<T>>((resolve, reject) => {
        const check = () => {
          if (fault) return reject(fault);
          for (const frame of frames) {
            if (frame.type !== type || taken.has(frame) || !matches(frame as never)) continue;
            taken.add(frame);
            clearTimeout(timer);
            waiting.delete(check);
            return resolve(frame as never);
          }
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          const got = frames.map((frame) => JSON.stringify(frame).slice(0, 160)).join("\n");
          reject(new Error(`no ${type} frame came; received:\n${got}`));
        }, patienceMs);
        waiting.add(check);
        check();
      });
    },
  };
}

export async function openTestClient(port: number, options: { origin?: string } = {}): Promise<TestClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${realtimePath}`, subProtocol, {
    ...(options.origin !== undefined && { origin: options.origin }),
  });
  const { frames, put, next } = createInbox();
  socket.on("message", (data) => put(JSON.parse((data as Buffer).toString())));
  const closed = new Promise<number>((resolve) => socket.on("close", (code) => resolve(code)));
  socket.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    socket.on("open", () => resolve());
    socket.on("unexpected-response", (_request, response) => reject(new Error(`HTTP ${response.statusCode}`)));
  });
  return {
    frames,
    next,
    closed,
    send: (frame) => socket.send(JSON.stringify(frame)),
    sendRaw: (data) => socket.send(data),
    close: (code = 1000) => socket.close(code),
    deafen: () => socket.pause(),
    listen: () => socket.resume(),
  };
}
