// Connections between devices and server processes. A direction keeps the order of what it carries and loses nothing but
// what was on its way when the connection ended, as TCP does; different connections are as fast or slow as they like.
import type { Random } from "../random.ts";
import type { Scheduler } from "./scheduler.ts";

export type Direction = "up" | "down";

/** The way of one device to the servers; all its connections and requests take it. */
export type Road = {
  /** How many faults keep a direction from arriving, for now. */
  blocks: Record<Direction, number>;
  /** ms of one way: from, to. */
  delay: [number, number];
  /** Called when nothing is blocked any more. */
  readonly waiting: Set<() => void>;
};

export const openRoad = (): Road => ({ blocks: { up: 0, down: 0 }, delay: [1, 40], waiting: new Set() });

/** The answer ends it. */
export function block(road: Road, directions: readonly Direction[]): () => void {
  for (const direction of directions) road.blocks[direction]++;
  return () => {
    for (const direction of directions) road.blocks[direction]--;
    const waiting = [...road.waiting];
    road.waiting.clear();
    for (const go of waiting) go();
  };
}

export type End = {
  receive(text: string): void;
  /** Something that this end sent has arrived. */
  left?(): void;
  /** The connection is over. Called once. */
  closed(code: number): void;
};

/** Code of a connection that ended without a close frame. */
const broken = 1006;

type Parcel = { text: string; at: number } | { code: number; at: number };

export type Line = {
  /** Client → server. */
  up(text: string): void;
  /** Server → client. */
  down(text: string): void;
  /** One side closes: what it sent before arrives first. The side that closes hears nothing more. */
  close(by: "client" | "server", code: number): void;
  /** Both ends break; each learns of it in its own time, or never (`told` leaves it out). */
  cut(told: readonly ("client" | "server")[]): void;
  /** How many texts wait on the way down. */
  waitingDown(): number;
};

export function openLine(scheduler: Scheduler, random: Random, road: Road, client: End, server: End): Line {
  const queues: Record<Direction, Parcel[]> = { up: [], down: [] };
  const isHeard = { client: true, server: true };
  let isCut = false;
  const lastAt = { up: 0, down: 0 };

  function send(direction: Direction, parcel: { text: string } | { code: number }): void {
    if (isCut) return;
    const at = Math.max(lastAt[direction], scheduler.now() + random.between(...road.delay));
    lastAt[direction] = at;
    queues[direction].push({ ...parcel, at });
    scheduler.after(at - scheduler.now(), () => deliver(direction));
  }

  function deliver(direction: Direction): void {
    const next = queues[direction][0];
    if (next === undefined || isCut || next.at > scheduler.now()) return;
    if (road.blocks[direction] > 0) return void road.waiting.add(flush[direction]);
    queues[direction].shift();
    const [name, end] = direction === "up" ? (["server", server] as const) : (["client", client] as const);
    if (isHeard[name]) {
      if ("code" in next) {
        isHeard[name] = false;
        end.closed(next.code);
      } else end.receive(next.text);
    }
    if (direction === "down" && isHeard.server) server.left?.();
  }

  /** What was held back arrives at once, one after the other. */
  function release(direction: Direction): void {
    const due = queues[direction].filter(({ at }) => at <= scheduler.now()).length;
    for (let left = due; left > 0; left--) scheduler.after(0, () => deliver(direction));
  }
  const flush = { up: () => release("up"), down: () => release("down") };

  function end(name: "client" | "server", code: number): void {
    if (!isHeard[name]) return;
    isHeard[name] = false;
    (name === "client" ? client : server).closed(code);
  }

  return {
    up: (text) => isHeard.client && send("up", { text }),
    down: (text) => isHeard.server && send("down", { text }),
    close(by, code) {
      if (!isHeard[by]) return;
      isHeard[by] = false;
      send(by === "client" ? "up" : "down", { code });
    },
    cut(told) {
      if (isCut) return;
      isCut = true;
      queues.up = [];
      queues.down = [];
      for (const name of told) scheduler.after(random.between(0, 50), () => end(name, broken));
    },
    waitingDown: () => queues.down.length,
  };
}
