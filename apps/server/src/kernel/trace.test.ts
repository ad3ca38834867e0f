import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { createBus, type RecordedEvent } from "./bus.ts";
import { systemClock } from "./clock.ts";
import { pack } from "./relay.ts";
import { createTrace } from "./trace.ts";

const start = () => {
  const bus = createBus((error) => {
    throw error;
  });
  return { bus, trace: createTrace(bus, systemClock) };
};
const message = (id: string) => ({ id, subjectId: "cnv_a", seq: 7, publicSeq: 5, createdAt: 0 });
const created = (refId: string) =>
  ({ refId, type: "message.created", receivedAt: performance.now(), committedAt: performance.now() }) as RecordedEvent;
const mark = (over: object) => ({
  subjectId: "cnv_a",
  readerType: "agent",
  readerId: "agt_a",
  deviceId: "one",
  delivered: 7,
  read: 0,
  ...over,
});

it("remembers who took a message, and adds up to how many it was passed", () => {
  const { bus, trace } = start();
  bus.publish([created("msg_a")]);
  trace.passed("msg_a", 2, 1);
  bus.publish([created("msg_b")]);
  // Somebody whose replay had not ended yet.
  trace.passed("msg_a", 1, 0);
  trace.passed("msg_elsewhere", 1, 0);
  const recalled = trace.recall(message("msg_a"));
  expect(recalled).toMatchObject({ process: trace.process, passed: { staff: 3, customers: 1 }, repeats: null });
  expect(recalled.taken!.committedAt).toBeGreaterThanOrEqual(recalled.taken!.receivedAt);
  expect(trace.recall(message("msg_b"))).toMatchObject({ taken: {}, passed: null });
  expect(trace.recall(message("msg_elsewhere"))).toMatchObject({ taken: null, passed: { staff: 1 } });
  expect(trace.recall(message("msg_never"))).toMatchObject({ taken: null, passed: null });
});

it("forgets the oldest of ten thousand messages, and knows since when it remembers", () => {
  const { trace } = start();
  trace.passed("msg_first", 1, 0);
  const { startedAt, since } = trace.recall(message("msg_first"));
  expect(since.messages).toBe(startedAt);
  for (let count = 1; count < 10_000; count++) trace.passed(`msg_${count}`, 1, 0);
  expect(trace.recall(message("msg_first")).passed).not.toBeNull();
  trace.passed("msg_last", 1, 0);
  expect(trace.recall(message("msg_first")).passed).toBeNull();
  expect(trace.recall(message("msg_1")).passed).not.toBeNull();
  expect(trace.recall(message("msg_last")).passed).not.toBeNull();
  expect(trace.recall(message("msg_last")).since.messages).toBeGreaterThanOrEqual(startedAt);
});

it("takes of each device the first mark that covers the message, in the lane of its reader", () => {
  const { trace } = start();
  trace.marked(mark({ delivered: 6 }));
  trace.marked(mark({ deviceId: "two" }));
  trace.marked(mark({ deviceId: "two", delivered: 9, read: 9 }));
  trace.marked(mark({ readerType: "contact", readerId: "con_a", deviceId: "three", delivered: 5 }));
  trace.marked(mark({ readerType: "contact", readerId: "con_a", deviceId: "four", delivered: 4 }));
  trace.marked(mark({ subjectId: "cnv_b", deviceId: "five" }));
  const { devices } = trace.recall(message("msg_a"));
  expect(devices).toMatchObject([
    { deviceId: "two", readerId: "agt_a" },
    { deviceId: "three", readerId: "con_a", readAt: null },
  ]);
  expect(devices[0]!.readAt).toBeGreaterThanOrEqual(devices[0]!.deliveredAt);
});

it("does not believe a mark that is older than the message", () => {
  const { trace } = start();
  trace.marked(mark({ delivered: 1_000_000 }));
  const later = { ...message("msg_a"), createdAt: systemClock.now().getTime() + 60_000 };
  expect(trace.recall(later).devices).toEqual([]);
});

it("counts repeats", () => {
  const { trace } = start();
  for (const id of ["msg_a", "msg_b", "msg_a"]) trace.repeated(id);
  expect(trace.recall(message("msg_a")).repeats).toMatchObject({ count: 2 });
});

it("fits into one notification, whatever there is to tell", () => {
  const { trace } = start();
  const long = "agt_00000000000000000000000000";
  for (let count = 0; count < 200; count++) {
    trace.marked(mark({ readerId: long, deviceId: randomUUID(), delivered: 9, read: 9 }));
  }
  const data = { ask: randomUUID(), recollection: trace.recall(message("msg_a")) };
  expect(data.recollection.devices.length).toBeGreaterThan(20);
  const by = { type: "system" as const, id: "trace", name: null };
  const companyId = "cmp_00000000000000000000000000" as RecordedEvent["companyId"];
  const signal = { companyId, subjectId: "cnv_00000000000000000000000000", kind: "trace.answered", by, data };
  expect(pack(randomUUID(), [], [signal])).toHaveLength(1);
});
