import { randomUUID } from "node:crypto";
import type { CompanyId } from "@presszero/contracts";
import type pg from "pg";
import type { Signal } from "./bus.ts";
import type { SystemCtx } from "./context.ts";
import { answerTraces, presenceLock } from "./trace-relay.ts";

/** Postgres takes payloads below 8000 bytes. */
const maxPayloadBytes = 7_500;
/** More than this waits only when the database does not keep up; hints may be lost, so the oldest go. */
const maxWaiting = 10_000;
const reconnectMs = 1_000;
const channel = "presszero_relay";

type HintRow = [companyId: CompanyId, subjectId: string, seq: number, type: string, isPublic: boolean];
type Packet = { from: string; hints: HintRow[]; signals: Signal[] };

export type Relay = { stop(): Promise<void> };

/**
 * Carries hints and signals between the processes of one database, by LISTEN/NOTIFY. What gathers while one notification
 * is under way goes into the next. Nothing here is needed for certainty: what is lost is found by the sweepers.
 */
export async function startRelay(ctx: SystemCtx): Promise<Relay> {
  const self = randomUUID();
  const pool = ctx.database.worker;
  let hints = new Map<string, HintRow>();
  let signals: Signal[] = [];
  let sending: Promise<void> | null = null;
  let listening: pg.PoolClient | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isStopped = false;

  function receive(payload: string): void {
    const packet = JSON.parse(payload) as Packet;
    if (packet.from === self) return;
    for (const [companyId, subjectId, seq, type, isPublic] of packet.hints) {
      ctx.bus.hint({ companyId, subjectId, seq, type, isPublic });
    }
    for (const signal of packet.signals) ctx.bus.signal({ ...signal, isRemote: true });
  }

  async function listen(): Promise<void> {
    try {
      const client = await pool.connect();
      listening = client;
      client.on("notification", ({ payload }) => payload && receive(payload));
      client.once("error", (error) => {
        listening = null;
        client.release(error);
        ctx.log.warn({ err: error }, "the relay lost its connection");
        schedule();
      });
      await client.query(`listen ${channel}`);
      await client.query(presenceLock(ctx.trace.number));
    } catch (error) {
      ctx.log.warn({ err: error }, "the relay cannot listen");
      schedule();
    }
  }

  function schedule(): void {
    if (!isStopped) timer = setTimeout(() => void listen(), reconnectMs);
  }

  async function send(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (hints.size > 0 || signals.length > 0) {
      const payloads = pack(self, [...hints.values()], signals);
      hints = new Map();
      signals = [];
      try {
        await pool.query({
          name: "relay",
          text: `select pg_notify('${channel}', payload) from unnest($1::text[]) as payload`,
          values: [payloads],
        });
      } catch (error) {
        ctx.log.debug({ err: error }, "hints were lost; the sweepers of the other processes find the events");
      }
    }
    sending = null;
  }

  const stopEvents = ctx.bus.onEvents((events) => {
    for (const { companyId, subjectId, seq, type, isPublic } of events) {
      // The newest event of a subject says it all, but each type is told, since some make listeners look at rights, and
      // each audience.
      const key = `${companyId} ${subjectId} ${type} ${isPublic}`;
      if (hints.size < maxWaiting) hints.set(key, [companyId, subjectId, seq, type, isPublic]);
    }
    sending ??= send();
  });
  const stopSignals = ctx.bus.onSignal((signal) => {
    if (signal.isRemote || signals.length >= maxWaiting) return;
    signals.push(signal);
    sending ??= send();
  });
  const answers = answerTraces(ctx);
  await listen();

  return {
    async stop() {
      isStopped = true;
      stopEvents();
      stopSignals();
      answers.stop();
      if (timer) clearTimeout(timer);
      await sending;
      listening?.removeAllListeners("error").removeAllListeners("notification");
      listening?.release(true);
    },
  };
}

/** As many notifications as the size of a payload asks for. */
export function pack(from: string, hints: readonly HintRow[], signals: readonly Signal[]): string[] {
  const payloads: string[] = [];
  let packet: Packet = { from, hints: [], signals: [] };
  let bytes = 0;
  const add = (size: number, put: () => void) => {
    if (bytes > 0 && bytes + size > maxPayloadBytes) {
      payloads.push(JSON.stringify(packet));
      packet = { from, hints: [], signals: [] };
      bytes = 0;
    }
    bytes += size;
    put();
  };
  for (const hint of hints) add(Buffer.byteLength(JSON.stringify(hint)) + 1, () => packet.hints.push(hint));
  for (const signal of signals) {
    const size = Buffer.byteLength(JSON.stringify(signal)) + 1;
    if (size <= maxPayloadBytes) add(size, () => packet.signals.push(signal));
  }
  if (bytes > 0) payloads.push(JSON.stringify(packet));
  return payloads;
}
