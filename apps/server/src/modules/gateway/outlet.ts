import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Pressure } from "./session.ts";

/** What waits for one client, in its queue and in its socket (delivery contract §7). */
const quietBytes = 128 * 1024;
const quietFrames = 100;
const dirtyBytes = 512 * 1024;
const mostBytes = 1024 * 1024;
/** A frame that waits longer, or a write that takes longer, ends the connection. */
const mostFrameAgeMs = 15_000;
const mostStallMs = 30_000;

/** The way out to one client: what its socket does not take at once waits in a queue. */
export type Outlet = {
  send(text: string): void;
  pressure(now: number): Pressure;
  /** Forgets what waits. */
  drop(): void;
};

/**
 * What is sent in one turn of the loop goes out in one write to `stream`, which is the socket's: writes are what costs
 * most. Calls `relieved` whenever something that waited has left.
 */
export function createOutlet(socket: WebSocket, stream: Duplex, relieved: () => void): Outlet {
  let queue: { text: string; bytes: number; at: number }[] = [];
  let queuedBytes = 0;
  /** Since when the socket takes no more. */
  let blockedAt: number | null = null;
  let isCorked = false;

  function write(text: string): void {
    if (!isCorked) {
      isCorked = true;
      stream.cork();
      process.nextTick(() => {
        isCorked = false;
        stream.uncork();
      });
    }
    socket.send(text);
    if (stream.writableNeedDrain) blockedAt ??= performance.now();
  }

  stream.on("drain", () => {
    blockedAt = null;
    while (queue.length > 0 && blockedAt === null) {
      const { text, bytes } = queue.shift()!;
      queuedBytes -= bytes;
      write(text);
    }
    relieved();
  });

  return {
    send(text) {
      if (socket.readyState !== socket.OPEN) return;
      if (blockedAt === null) return write(text);
      const bytes = Buffer.byteLength(text);
      queuedBytes += bytes;
      queue.push({ text, bytes, at: performance.now() });
    },
    pressure(now) {
      if (blockedAt === null) return 0;
      const bytes = queuedBytes + socket.bufferedAmount;
      const oldest = queue[0]?.at ?? now;
      if (bytes > mostBytes || now - oldest > mostFrameAgeMs || now - blockedAt > mostStallMs) return 3;
      if (bytes > dirtyBytes) return 2;
      return bytes > quietBytes || queue.length > quietFrames ? 1 : 0;
    },
    drop() {
      queue = [];
      queuedBytes = 0;
    },
  };
}
