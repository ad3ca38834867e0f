import type { ClientFrame } from "@presszero/contracts";
import type { Call, Effect, Engine, Request, TimerName } from "./engine.ts";

/** One step in the making: the engine so far, and what is to be done. Lives no longer than the step. */
export type Turn = {
  /** Never goes back (`Engine.time`). */
  now: number;
  /** What the device's clock shows: for what outlives the engine, and for people. */
  date: number;
  random: number;
  engine: Engine;
  effects: Effect[];
};

export function change(turn: Turn, changes: Partial<Engine>): void {
  turn.engine = { ...turn.engine, ...changes };
}

export function setTimer(turn: Turn, timer: TimerName, ms: number): void {
  change(turn, { timers: { ...turn.engine.timers, [timer]: turn.now + ms } });
  turn.effects.push({ type: "set_timer", timer, ms });
}

export function clearTimer(turn: Turn, timer: TimerName): void {
  if (turn.engine.timers[timer] === undefined) return;
  change(turn, { timers: without(turn.engine.timers, timer) });
  turn.effects.push({ type: "clear_timer", timer });
}

/** All timers whose name begins so. */
export function clearTimers(turn: Turn, prefix: string): void {
  for (const timer of Object.keys(turn.engine.timers)) {
    if (timer.startsWith(prefix)) clearTimer(turn, timer as TimerName);
  }
}

/** Does nothing if a call with this key is on its way. */
export function call(turn: Turn, key: string, about: Call): void {
  if (turn.engine.calls[key] !== undefined) return;
  change(turn, { calls: { ...turn.engine.calls, [key]: about } });
  turn.effects.push({ type: "call", key, call: about });
}

export function isLive(engine: Engine): boolean {
  return engine.connection.phase.name === "live";
}

/** Sends a frame if the connection is live; answers whether it did. */
export function transmit(turn: Turn, frame: ClientFrame): boolean {
  const { transport } = turn.engine;
  if (!isLive(turn.engine) || !transport.isOpen) return false;
  turn.effects.push({ type: "transmit", transport: transport.number, frame });
  return true;
}

/** The same for a frame that is answered. */
export function request(turn: Turn, about: Request, frame: (id: number) => ClientFrame): boolean {
  const id = turn.engine.lastRequest + 1;
  if (!transmit(turn, frame(id))) return false;
  change(turn, { lastRequest: id, requests: { ...turn.engine.requests, [id]: about } });
  return true;
}

/** What the frame with this id was about, if it waits for an answer; it does not any more. */
export function takeRequest(turn: Turn, id: number | null): Request | undefined {
  const about = id === null ? undefined : turn.engine.requests[id];
  if (about !== undefined) change(turn, { requests: without(turn.engine.requests, id!) });
  return about;
}

export function without<T extends object>(record: T, key: keyof T): T {
  const { [key]: _, ...rest } = record;
  return rest as T;
}
