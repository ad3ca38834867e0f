import type { CompanyId } from "@presszero/contracts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Bus, createBus, type Hint, type RecordedEvent, type Signal } from "./bus.ts";
import { pack, type Relay, startRelay } from "./relay.ts";
import { createTestCtx, type TestCtx } from "./testing.ts";

let system: TestCtx;
const relays: Relay[] = [];

type Process = { bus: Bus; hints: Hint[]; signals: Signal[] };
let one: Process;
let other: Process;

/** A process of its own, as far as the bus goes. */
async function startProcess(): Promise<Process> {
  const bus = createBus((error) => {
    throw error;
  });
  const process: Process = { bus, hints: [], signals: [] };
  bus.onHint((hint) => process.hints.push(hint));
  bus.onSignal((signal) => process.signals.push(signal));
  relays.push(await startRelay({ ...system, bus }));
  return process;
}

beforeAll(async () => {
  system = await createTestCtx();
  one = await startProcess();
  other = await startProcess();
});
afterAll(async () => {
  for (const relay of relays) await relay.stop();
  await system.close();
});

const by = { type: "system" as const, id: "test", name: "Ünïcödé 👩‍👩‍👧" };
const companyId = "cmp_00000000000000000000000000" as CompanyId;
const event = (subjectId: string, seq: number, type = "message.created"): RecordedEvent => ({
  companyId,
  subjectId,
  seq,
  publicSeq: seq,
  isPublic: true,
  type,
  actor: by,
  refId: null,
  data: { secret: "never leaves the process" },
  at: new Date(),
});

it("tells the other processes where a subject stands, and not itself", async () => {
  one.bus.publish([event("cnv_a", 1), event("cnv_a", 2), event("cnv_b", 7, "session.revoked")]);
  await expect.poll(() => other.hints.length).toBe(2);
  expect(other.hints).toEqual([
    { companyId, subjectId: "cnv_a", seq: 2, type: "message.created", isPublic: true },
    { companyId, subjectId: "cnv_b", seq: 7, type: "session.revoked", isPublic: true },
  ]);
  expect(one.hints).toEqual([]);
});

it("passes signals on once, marked as coming from elsewhere", async () => {
  const signal: Signal = { companyId, subjectId: "cnv_a", kind: "typing", by, data: { on: true } };
  other.bus.signal(signal);
  await expect.poll(() => one.signals.length).toBe(1);
  expect(one.signals).toEqual([{ ...signal, isRemote: true }]);
  expect(other.signals).toEqual([signal]);
});

it("comes back when its connection is cut", async () => {
  const client = await system.database.worker.connect();
  await client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()",
  );
  client.release();
  let seq = 100;
  await expect
    .poll(
      () => {
        one.bus.publish([event("cnv_c", ++seq)]);
        return other.hints.some((hint) => hint.subjectId === "cnv_c");
      },
      { timeout: 10_000, interval: 200 },
    )
    .toBe(true);
});

it("splits what does not fit into one notification, and leaves nothing out", () => {
  const hints = Array.from(
    { length: 500 },
    (_, index) => [companyId, `cnv_${index}`, index, "message.created", true] as const,
  );
  const signal: Signal = { companyId, subjectId: "cnv_a", kind: "typing", by, data: { text: "ü".repeat(3000) } };
  const payloads = pack(
    "me",
    hints.map((hint) => [...hint]),
    [signal, signal],
  );
  for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThan(8000);
  const packets = payloads.map((payload) => JSON.parse(payload) as { hints: unknown[]; signals: unknown[] });
  expect(packets.flatMap((packet) => packet.hints)).toEqual(hints);
  expect(packets.flatMap((packet) => packet.signals)).toEqual([signal, signal]);
});
