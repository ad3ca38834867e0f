import {
  connectionStatus,
  type Effect as ConnectionEffect,
  type Input as ConnectionInput,
  step,
  type Timer,
} from "./connection.ts";
import { gapsDisconnected } from "./gaps.ts";
import { apply } from "./persist.ts";
import { receiptsDisconnected } from "./receipts.ts";
import { hello } from "./subscriptions.ts";
import { call, change, clearTimer, clearTimers, isLive, setTimer, type Turn } from "./turn.ts";

/** §6: the longest pause between two tries to connect. */
const backoffCapMs = { business: 60_000, contact: 120_000 };
const timers: readonly Timer[] = ["retry", "connect", "ping", "silence", "stable"];

/** Lets something happen to the connection, and does what its state machine asks for. */
export function advance(turn: Turn, input: ConnectionInput): void {
  const before = turn.engine.connection;
  const wasLive = isLive(turn.engine);
  const { now, random } = turn;
  const [connection, effects] = step(before, input, { now, random, backoffCapMs: backoffCapMs[turn.engine.side] });
  change(turn, { connection });
  if (wasLive && !isLive(turn.engine)) disconnected(turn);
  for (const effect of effects) perform(turn, effect);
  if (connection.phase !== before.phase)
    apply(turn, { type: "connection", status: connectionStatus(connection, turn.now - turn.date) });
}

function perform(turn: Turn, effect: ConnectionEffect): void {
  const { transport } = turn.engine;
  switch (effect.type) {
    case "get_ticket":
      return call(turn, "ticket", { op: "ticket" });
    case "open_socket": {
      const number = transport.number + 1;
      change(turn, { transport: { number, isOpen: true } });
      turn.effects.push({ type: "open_transport", transport: number });
      return;
    }
    case "send_hello":
      turn.effects.push({ type: "transmit", transport: transport.number, frame: hello(turn, effect.ticket) });
      return;
    case "send_ping": {
      const n = turn.engine.pings + 1;
      change(turn, { pings: n });
      turn.effects.push({ type: "transmit", transport: transport.number, frame: { type: "ping", n } });
      return;
    }
    case "close_socket":
      change(turn, { transport: { ...transport, isOpen: false } });
      turn.effects.push({ type: "close_transport", transport: transport.number, code: effect.code });
      return;
    case "clear_timers":
      for (const timer of timers) clearTimer(turn, timer);
      return;
    case "set_timer":
      return setTimer(turn, effect.timer, effect.ms);
  }
}

/** What was asked for on the connection that ended will not be answered. */
function disconnected(turn: Turn): void {
  change(turn, { requests: {}, subscribed: {} });
  clearTimers(turn, "subscribe ");
  clearTimers(turn, "typing ");
  clearTimers(turn, "viewing ");
  gapsDisconnected(turn);
  receiptsDisconnected(turn);
  apply(turn, { type: "disconnected" });
}
