import type { TimerName } from "./engine.ts";
import { advance } from "./link.ts";
import { readStorageAgain } from "./outbox.ts";
import { rewrite } from "./persist.ts";
import { change, isLive, type Turn, without } from "./turn.ts";

/**
 * CR9: the tab that had the transport, the timers and the calls is gone. They begin again here, at once: repeated sends
 * are known by their client ids, and the storage is read for what a tab has written without telling.
 */
export function takeOver(turn: Turn): void {
  const { connection, calls } = turn.engine;
  const wasConnecting = connection.phase.name === "connecting" || isLive(turn.engine);
  change(turn, { transport: { ...turn.engine.transport, isOpen: false }, calls: without(calls, "ticket") });
  for (const [key, about] of Object.entries(turn.engine.calls)) turn.effects.push({ type: "call", key, call: about });
  for (const [timer, due] of Object.entries(turn.engine.timers)) {
    turn.effects.push({ type: "set_timer", timer: timer as TimerName, ms: Math.max(0, due! - turn.now) });
  }
  rewrite(turn);
  readStorageAgain(turn);
  if (wasConnecting) advance(turn, { type: "renew" });
}
