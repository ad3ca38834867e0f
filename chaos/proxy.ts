// A TCP proxy on the loopback interface that behaves like a bad network. TCP itself repairs lost packets, so what a
// broken network looks like from above is silence, slowness, half a conversation or a reset: never missing bytes.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { Random } from "./random.ts";

/** `up` is from the one who connects to the target, `down` the way back. */
export type Direction = "up" | "down";

export type Mode =
  | { kind: "pass" }
  /** Every piece arrives `ms` later, and up to `jitter` more; the order of a connection's bytes stays. */
  | { kind: "latency"; ms: number; jitter?: number; only?: Direction }
  | { kind: "rate"; bytesPerSecond: number; only?: Direction }
  /** Silence both ways: nothing arrives, no end is seen, new connections are taken and never served. */
  | { kind: "blackhole" }
  /** Silence one way. */
  | { kind: "oneway"; drop: Direction }
  /** Every connection is reset, new ones too. */
  | { kind: "rst" }
  /** Every connection is reset in the middle of a message, after so many bytes one way. */
  | { kind: "truncate"; bytes: number; only?: Direction };

export type Proxy = {
  port: number;
  /** Takes effect on connections that are open, and on new ones. `pass` heals: what was held back arrives. */
  set(mode: Mode): void;
  /** Resets every open connection, once. */
  cut(): void;
  /** Where new connections go. */
  retarget(port: number): void;
  connections(): number;
  close(): Promise<void>;
};

/** Bytes that wait inside the proxy before it stops reading: with latency the line itself holds them. */
const heldAtMost = { latency: 8 * 1024 * 1024, other: 16 * 1024 };

export async function startProxy(options: { target: number; random: Random }): Promise<Proxy> {
  let { target } = options;
  let mode: Mode = { kind: "pass" };
  const pairs = new Set<Pair>();

  function isCut(direction: Direction): boolean {
    return mode.kind === "blackhole" || (mode.kind === "oneway" && mode.drop === direction);
  }

  function openPair(near: Socket): Pair {
    const pair: Pair = { wake, reset };
    let far: Socket | null = null;
    let lanes: { up: Lane; down: Lane } | null = null;
    const closed: { up?: "ended" | "reset"; down?: "ended" | "reset" } = {};
    near.on("error", () => {});
    near.on("close", (hadError) => sideClosed("up", hadError));

    function sideClosed(direction: Direction, hadError: boolean): void {
      closed[direction] = hadError ? "reset" : "ended";
      settle();
    }

    /** The other side learns of an end when it may: after the silence, and after what was sent before it. */
    function settle(): void {
      for (const direction of ["up", "down"] as const) {
        const how = closed[direction];
        if (how === undefined || isCut(direction)) continue;
        if (how === "reset" || lanes === null || lanes[direction].isIdle()) return finish();
      }
    }

    function finish(): void {
      pairs.delete(pair);
      lanes?.up.stop();
      lanes?.down.stop();
      near.destroy();
      far?.destroy();
    }

    function reset(): void {
      near.resetAndDestroy();
      far?.resetAndDestroy();
      finish();
    }

    function wake(): void {
      if (far === null && !isCut("up") && closed.up === undefined) reach();
      lanes?.up.pump();
      lanes?.down.pump();
      settle();
    }

    function reach(): void {
      // The same source address as the client's, so that limits by address see many clients and not one proxy.
      far = connect({ port: target, host: "127.0.0.1", localAddress: near.remoteAddress });
      far.on("error", () => {});
      far.on("close", (hadError) => sideClosed("down", hadError));
      lanes = { up: lane(near, far, "up"), down: lane(far, near, "down") };
    }

    function lane(from: Socket, to: Socket, direction: Direction): Lane {
      return startLane(from, to, {
        mode: () => mode,
        isCut: () => isCut(direction),
        isMeant: () => !("only" in mode) || mode.only === undefined || mode.only === direction,
        random: options.random,
        reset,
        drained: settle,
      });
    }

    near.pause();
    wake();
    return pair;
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    if (mode.kind === "rst") return void near.on("error", () => {}).resetAndDestroy();
    pairs.add(openPair(near));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The proxy got no port.");

  const cut = () => {
    for (const pair of pairs) pair.reset();
  };
  return {
    port: address.port,
    cut,
    set(next) {
      mode = next;
      if (mode.kind === "rst") cut();
      for (const pair of pairs) pair.wake();
    },
    retarget: (port) => void (target = port),
    connections: () => pairs.size,
    async close() {
      server.close();
      cut();
      await once(server, "close");
    },
  };
}

type Pair = { wake(): void; reset(): void };
type Lane = { pump(): void; stop(): void; isIdle(): boolean };

/** One direction of one connection: first in, first out. */
function startLane(
  from: Socket,
  to: Socket,
  link: {
    mode: () => Mode;
    isCut: () => boolean;
    isMeant: () => boolean;
    random: Random;
    reset: () => void;
    drained: () => void;
  },
): Lane {
  const queue: { bytes: Buffer; due: number }[] = [];
  let held = 0;
  let passed = 0;
  let lastDue = 0;
  let isBlocked = false;
  let hasEnded = false;
  let timer: NodeJS.Timeout | undefined;

  function take(data: Buffer): void {
    const mode = link.mode();
    const now = performance.now();
    const isSlow = mode.kind === "rate" && link.isMeant();
    const size = isSlow ? Math.max(1, Math.floor(mode.bytesPerSecond / 10)) : data.length;
    for (let start = 0; start < data.length; start += size) {
      const bytes = data.subarray(start, start + size);
      if (isSlow) lastDue = Math.max(lastDue, now) + (1000 * bytes.length) / mode.bytesPerSecond;
      else if (mode.kind === "latency" && link.isMeant())
        lastDue = Math.max(lastDue, now + mode.ms + link.random.next() * (mode.jitter ?? 0));
      queue.push({ bytes, due: lastDue });
      held += bytes.length;
    }
  }

  function pump(): void {
    clearTimeout(timer);
    if (link.isCut()) return void from.pause();
    const mode = link.mode();
    while (queue.length > 0 && !isBlocked) {
      const wait = mode.kind === "pass" ? 0 : queue[0]!.due - performance.now();
      if (wait > 0) {
        timer = setTimeout(pump, Math.ceil(wait));
        break;
      }
      const { bytes } = queue.shift()!;
      held -= bytes.length;
      if (mode.kind === "truncate" && link.isMeant() && passed + bytes.length > mode.bytes) {
        queue.length = 0;
        to.write(bytes.subarray(0, Math.max(0, mode.bytes - passed)), () => link.reset());
        return;
      }
      passed += bytes.length;
      isBlocked = !to.write(bytes);
    }
    if (queue.length === 0 && hasEnded) {
      to.end();
      link.drained();
    }
    if (held < (mode.kind === "latency" ? heldAtMost.latency : heldAtMost.other)) from.resume();
    else from.pause();
  }

  from.setNoDelay(true);
  from.on("data", (data: Buffer) => {
    take(data);
    pump();
  });
  from.on("end", () => {
    hasEnded = true;
    pump();
  });
  to.on("drain", () => {
    isBlocked = false;
    pump();
  });
  pump();
  return { pump, stop: () => clearTimeout(timer), isIdle: () => queue.length === 0 };
}
