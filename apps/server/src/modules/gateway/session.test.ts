import { randomUUID } from "node:crypto";
import type { ClientFrame, CompanyId, ConversationId, MessageId, ServerFrame } from "@presszero/contracts";
import { describe, expect, it } from "vitest";
import { newId } from "../../kernel/ids.ts";
import type { LaneEvent, LaneHead } from "../conversations/index.ts";
import {
  createSession,
  type Failure,
  type Session,
  type SessionCall,
  type SessionEffect,
  type SessionInput,
  step,
  type Who,
} from "./session.ts";

const companyId = "cmp_1" as CompanyId;
const agent: Who = { companyId, side: "business", by: { type: "agent", id: "agt_1", name: "Jonas" } };
const customer: Who = { companyId, side: "contact", by: { type: "contact", id: "con_1", name: "Mia" } };
const unavailable: Failure = { code: "UNAVAILABLE", retry: true };
const text = (value: string) => ({ kind: "text" as const, text: value });

/** Steps a session and sorts what it answers. */
function drive(session: Session = createSession({ id: "s1", epoch: "e1", frameRate: null })) {
  let now = 0;
  const frames: ServerFrame[] = [];
  const events: number[] = [];
  const effects: SessionEffect[] = [];
  const put = (input: SessionInput): SessionEffect[] => {
    const answered = step(session, input, now);
    for (const effect of answered) {
      effects.push(effect);
      if (effect.type === "send") frames.push(effect.frame);
      if (effect.type === "sendEvent")
        events.push(effect.side === "business" ? effect.event.seq : effect.event.publicSeq);
    }
    return answered;
  };
  return {
    session,
    frames,
    events,
    put,
    pass: (ms: number) => void (now += ms),
    say: (frame: ClientFrame) => put({ type: "frame", text: JSON.stringify(frame) }),
    /** The last effect of this type. */
    last: <T extends SessionEffect["type"]>(type: T) =>
      effects.findLast((effect) => effect.type === type) as Extract<SessionEffect, { type: T }>,
    all: <T extends SessionEffect["type"]>(type: T) =>
      effects.filter((effect) => effect.type === type) as Extract<SessionEffect, { type: T }>[],
    framesOf: <T extends ServerFrame["type"]>(type: T) =>
      frames.filter((frame) => frame.type === type) as Extract<ServerFrame, { type: T }>[],
  };
}
type Driver = ReturnType<typeof drive>;

const helloFrame = (more: Partial<Extract<ClientFrame, { type: "hello" }>> = {}): ClientFrame => ({
  type: "hello",
  version: 1,
  ticket: "pzt.x",
  deviceId: randomUUID(),
  client: "test/1",
  epoch: null,
  subscriptions: [],
  ...more,
});

function welcomed(who: Who = agent, more: Parameters<typeof helloFrame>[0] = {}): Driver {
  const driver = drive();
  driver.put({ type: "opened" });
  driver.say(helloFrame(more));
  driver.put({ type: "redeemed", who });
  return driver;
}

const head = (conversationId: ConversationId, seq: number, publicSeq = seq): LaneHead => ({
  conversationId,
  contactId: "con_1" as LaneHead["contactId"],
  seq,
  publicSeq,
  myRead: 0,
  otherDelivered: 0,
  otherRead: 0,
});

function event(
  conversationId: ConversationId,
  seq: number,
  more: Partial<LaneEvent> & { text?: string } = {},
): LaneEvent {
  const { text: body = "x", ...rest } = more;
  const by = { type: "contact" as const, id: "con_9", name: null };
  const message = {
    id: "msg_1" as MessageId,
    seq,
    publicSeq: seq,
    clientId: randomUUID(),
    author: by,
    kind: "text" as const,
    text: body,
    content: null,
    replyTo: null,
    reactions: [],
    revision: 0,
    editedAt: null,
    deletedAt: null,
    createdAt: new Date(0),
  };
  const base = {
    companyId,
    conversationId,
    seq,
    publicSeq: seq,
    isPublic: true,
    by,
    at: new Date(0),
    data: {},
    message,
  };
  return { ...base, kind: "message.created", ...rest };
}
const run = (conversationId: ConversationId, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => event(conversationId, from + index));

/** Answers the read that the session waits for from a conversation that stands at `top`. */
function answerReads(driver: Driver, conversationId: ConversationId, top: number): void {
  const asked = driver.last("readEvents");
  const from = asked.after === null ? Math.max(1, top - asked.limit + 1) : asked.after + 1;
  const events = run(conversationId, from, Math.min(top, from + asked.limit - 1));
  driver.put({ type: "eventsRead", call: asked.call, events });
}

/** Subscribed and in step with a conversation at `top`. */
function following(driver: Driver, conversationId: ConversationId, top: number): void {
  driver.say({ type: "subscribe", id: 1, conversationId, after: top });
  driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(conversationId, top)] });
}

describe("hello", () => {
  it("SR1: is owed within five seconds, and is the first frame", () => {
    const silent = drive();
    expect(silent.put({ type: "opened" })).toEqual([{ type: "setTimer", name: "hello", ms: 5_000 }]);
    expect(silent.put({ type: "timer", name: "hello" })).toEqual([{ type: "close", code: 4408 }]);
    const rude = drive();
    expect(rude.say({ type: "ping", n: 1 })).toEqual([{ type: "close", code: 4400 }]);
    expect(rude.say(helloFrame())).toEqual([]);
    expect(drive().say(helloFrame({ version: 7 }))).toEqual([{ type: "close", code: 4426 }]);
    expect(drive().put({ type: "frame", text: "[]" })).toEqual([{ type: "close", code: 4400 }]);
    expect(drive().put({ type: "binary" })).toEqual([{ type: "close", code: 4400 }]);
  });

  it("SR1: a ticket that does not count ends the connection, a fault of ours asks to come back", () => {
    const codes: [Failure, number][] = [
      [{ code: "UNAUTHENTICATED", retry: false }, 4401],
      [{ code: "FORBIDDEN", retry: false }, 4403],
      [{ code: "RATE_LIMITED", retry: true, retryAfterMs: 30_000 }, 4429],
      [unavailable, 1013],
      [{ code: "INTERNAL", retry: true }, 1011],
    ];
    for (const [failure, code] of codes) {
      const driver = drive();
      driver.say(helloFrame());
      driver.put({ type: "failed", of: driver.last("redeem"), failure });
      expect(driver.last("close").code).toBe(code);
    }
  });

  it("keeps what comes behind it and takes it up after the welcome", () => {
    const driver = drive();
    driver.say(helloFrame());
    driver.say({ type: "ping", n: 1 });
    expect(driver.frames).toEqual([]);
    driver.put({ type: "redeemed", who: agent });
    expect(driver.last("sendWelcome").frame).toMatchObject({ session: "s1", epoch: "e1", resume: "ok" });
    expect(driver.frames).toEqual([{ type: "pong", n: 1 }]);
  });

  it("[BP7] takes no more frames than it can have in hand", () => {
    const driver = welcomed();
    for (let id = 1; id <= 32; id++) driver.say({ type: "fetch", id, conversationId: newId("conversation") });
    expect(driver.last("pause")).toBeDefined();
    driver.put({ type: "failed", of: driver.last("readPage"), failure: unavailable });
    expect(driver.all("resume")).toHaveLength(1);
  });

  it("SR3: access that changes while the ticket is redeemed is checked again, and so is every later change", () => {
    const driver = drive();
    driver.say(helloFrame());
    driver.put({ type: "accessChanged" });
    expect(driver.all("checkAccess")).toHaveLength(0);
    driver.put({ type: "redeemed", who: agent });
    driver.put({ type: "accessChanged" });
    expect(driver.all("checkAccess")).toHaveLength(1);
    // The check under way may have read before the change.
    driver.put({ type: "accessChecked", isSignedIn: true });
    expect(driver.all("checkAccess")).toHaveLength(2);
    driver.put({ type: "accessChecked", isSignedIn: false });
    expect(driver.last("close").code).toBe(4491);
  });

  it("CR7: another epoch means reset, and nothing is replayed", () => {
    const id = newId("conversation");
    const driver = welcomed(agent, { epoch: "e0", subscriptions: [{ conversationId: id, after: 3 }] });
    expect(driver.last("sendWelcome").frame.resume).toBe("reset");
    expect(driver.all("join")).toEqual([]);
    expect(driver.all("arrived")).toHaveLength(1);
  });
});

describe("sends", () => {
  const say = (driver: Driver, id: number, conversationId: ConversationId, clientId: string = randomUUID()) =>
    driver.say({ type: "send", id, conversationId, clientId, message: text(`m ${id}`) });
  const store = (driver: Driver, of: Extract<SessionCall, { type: "commit" }>) =>
    driver.put({
      type: "sent",
      of,
      sent: {
        messageId: "msg_1" as MessageId,
        conversationId: of.conversationId!,
        clientId: of.clientId,
        seq: 1,
        at: "",
        duplicate: false,
      },
    });

  it("SR4: of one conversation one after the other, others beside it", () => {
    const [one, other] = [newId("conversation"), newId("conversation")];
    const driver = welcomed();
    say(driver, 1, one);
    say(driver, 2, one);
    say(driver, 3, other);
    expect(driver.all("commit").map(({ id }) => id)).toEqual([1, 3]);
    store(driver, driver.all("commit")[0]!);
    expect(driver.all("commit").map(({ id }) => id)).toEqual([1, 3, 2]);
    expect(driver.framesOf("ok").map(({ id }) => id)).toEqual([1]);
  });

  it("SR4: behind one that may pass all wait until it is sent again", () => {
    const id = newId("conversation");
    const driver = welcomed();
    const first = randomUUID();
    say(driver, 1, id, first);
    say(driver, 2, id);
    driver.put({ type: "failed", of: driver.last("commit"), failure: unavailable });
    say(driver, 3, id);
    expect(driver.framesOf("error").map(({ id: of, code }) => [of, code])).toEqual([
      [1, "UNAVAILABLE"],
      [2, "ORDER_BROKEN"],
      [3, "ORDER_BROKEN"],
    ]);
    say(driver, 4, id, first);
    store(driver, driver.last("commit"));
    say(driver, 5, id);
    store(driver, driver.last("commit"));
    expect(driver.framesOf("ok").map(({ id: of }) => of)).toEqual([4, 5]);
    expect(driver.session.sends.size).toBe(0);
  });

  it("SR4: one that is refused for good holds up nobody", () => {
    const id = newId("conversation");
    const driver = welcomed();
    say(driver, 1, id);
    driver.put({ type: "failed", of: driver.last("commit"), failure: { code: "FORBIDDEN", retry: false } });
    say(driver, 2, id);
    expect(driver.last("commit").id).toBe(2);
  });

  it("SR5: an unknown outcome is answered as such, and the same client id resolves it", () => {
    const id = newId("conversation");
    const clientId = randomUUID();
    const driver = welcomed();
    say(driver, 1, id, clientId);
    driver.put({ type: "failed", of: driver.last("commit"), failure: { code: "UNKNOWN_RETRY", retry: true } });
    expect(driver.framesOf("error")[0]).toMatchObject({ code: "UNKNOWN_RETRY", retry: true });
    say(driver, 2, id, clientId);
    expect(driver.last("commit")).toMatchObject({ id: 2, clientId });
  });

  it.each(["before", "after"])("SR4: one of unknown outcome whose event came %s need not be sent again", (when) => {
    const id = newId("conversation");
    const clientId = randomUUID();
    const driver = welcomed();
    following(driver, id, 3);
    say(driver, 2, id, clientId);
    const message = { ...event(id, 4).message!, clientId, author: agent.by };
    const tell = () => driver.put({ type: "event", event: event(id, 4, { by: agent.by, message }) });
    if (when === "before") tell();
    driver.put({ type: "failed", of: driver.last("commit"), failure: { code: "UNKNOWN_RETRY", retry: true } });
    if (when === "after") tell();
    say(driver, 3, id);
    expect(driver.last("commit").id).toBe(3);
  });

  it("[KA7] those under way when the process ends are answered before the connection ends", () => {
    const id = newId("conversation");
    const driver = welcomed();
    say(driver, 1, id);
    say(driver, 2, id);
    driver.put({ type: "drain", spreadMs: 100 });
    driver.put({ type: "end", code: 1012 });
    say(driver, 3, id);
    store(driver, driver.last("commit"));
    expect(driver.all("close")).toEqual([]);
    store(driver, driver.last("commit"));
    expect(driver.framesOf("ok").map(({ id: of }) => of)).toEqual([1, 2]);
    expect(driver.last("close").code).toBe(1012);
    const idle = welcomed();
    idle.put({ type: "end", code: 1012 });
    expect(idle.last("close").code).toBe(1012);
    const stuck = welcomed();
    say(stuck, 1, id);
    stuck.put({ type: "end", code: 1012 });
    stuck.put({ type: "timer", name: stuck.last("setTimer").name });
    expect(stuck.last("close").code).toBe(1012);
  });

  it("remembers no start of a conversation that failed", () => {
    const driver = welcomed(customer);
    driver.say({ type: "send", id: 1, conversationId: null, clientId: randomUUID(), message: text("hello") });
    driver.put({ type: "failed", of: driver.last("commit"), failure: unavailable });
    expect(driver.session.sends.size).toBe(0);
  });
});

describe("catching up", () => {
  it("joins before it reads, replays in pages, then follows live", () => {
    const id = newId("conversation");
    const driver = welcomed(agent, { subscriptions: [{ conversationId: id, after: 0 }] });
    expect(driver.all("join")).toEqual([{ type: "join", conversationId: id }]);
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 150)] });
    expect(driver.last("readEvents")).toMatchObject({ after: 0, limit: 100 });
    answerReads(driver, id, 150);
    expect(driver.last("readEvents")).toMatchObject({ after: 100, limit: 50 });
    driver.put({ type: "event", event: event(id, 151) });
    answerReads(driver, id, 150);
    expect(driver.events).toEqual(Array.from({ length: 151 }, (_, index) => index + 1));
    expect(driver.framesOf("synced")).toMatchObject([{ id: null, head: 150, from: 1, to: 150 }]);
    expect(driver.last("settle")).toMatchObject({ seq: 150 });
    expect(driver.all("arrived")).toHaveLength(1);
    driver.put({ type: "event", event: event(id, 152) });
    driver.put({ type: "event", event: event(id, 152) });
    expect(driver.events.slice(-2)).toEqual([151, 152]);
  });

  it("PR7: says gap beyond 200 events, and beyond 1,000 over a resume", () => {
    const ids = Array.from({ length: 7 }, () => newId("conversation"));
    const driver = welcomed(agent, { subscriptions: ids.map((conversationId) => ({ conversationId, after: 10 })) });
    const heads = ids.map((id, index) => head(id, index === 0 ? 211 : 200));
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads });
    for (let reads = 0; reads < 20 && driver.session.queue.length > 0; reads++) {
      const asked = driver.last("readEvents");
      answerReads(driver, asked.conversationId, asked.conversationId === ids[0] ? 211 : 200);
    }
    const gaps = driver.framesOf("gap");
    expect(gaps.map((gap) => gap.conversationId)).toEqual([ids[0], ids[6]]);
    expect(gaps[0]).toMatchObject({ have: 10, from: 162, head: 211 });
    expect(driver.framesOf("synced")).toHaveLength(7);
    expect(driver.framesOf("synced")[0]).toMatchObject({ from: 162, to: 211 });
  });

  it("a client that is ahead of a history that was put back starts over", () => {
    const id = newId("conversation");
    const driver = welcomed(agent, { subscriptions: [{ conversationId: id, after: 40 }] });
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 2)] });
    answerReads(driver, id, 2);
    expect(driver.framesOf("gap")).toMatchObject([{ have: 40, from: 1, head: 2 }]);
    expect(driver.events).toEqual([1, 2]);
    expect(driver.framesOf("synced")).toMatchObject([{ from: 1, to: 2 }]);
  });

  it("a customer is served the public lane alone", () => {
    const id = newId("conversation");
    const driver = welcomed(customer);
    driver.say({ type: "subscribe", id: 1, conversationId: id, after: 1 });
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 5, 2)] });
    const asked = driver.last("readEvents");
    expect(asked).toMatchObject({ after: 1, limit: 1 });
    driver.put({ type: "event", event: event(id, 6, { publicSeq: 2, isPublic: false }) });
    driver.put({ type: "eventsRead", call: asked.call, events: [event(id, 4, { publicSeq: 2 })] });
    driver.put({ type: "event", event: event(id, 7, { publicSeq: 3 }) });
    driver.put({ type: "event", event: event(id, 8, { publicSeq: 3, isPublic: false }) });
    expect(driver.events).toEqual([2, 3]);
    expect(driver.all("readHeads")).toHaveLength(1);
  });

  it("SR7: a hole in what comes live is read before anything goes on", () => {
    const id = newId("conversation");
    const driver = welcomed();
    following(driver, id, 3);
    driver.put({ type: "event", event: event(id, 6) });
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 6)] });
    driver.put({ type: "event", event: event(id, 7) });
    answerReads(driver, id, 6);
    expect(driver.events).toEqual([4, 5, 6, 7]);
  });

  it("a replay that was read before the group's beginning reads on", () => {
    const id = newId("conversation");
    const driver = welcomed();
    driver.say({ type: "subscribe", id: 1, conversationId: id, after: 2 });
    const { call } = driver.last("readHeads");
    driver.put({ type: "heard", conversationId: id, seq: 3 });
    driver.put({ type: "headsRead", call, heads: [head(id, 2)] });
    // The head is older than what another member has told: that the group never passed on.
    expect(driver.framesOf("synced")).toEqual([]);
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 3)] });
    answerReads(driver, id, 3);
    expect(driver.events).toEqual([3]);
    expect(driver.framesOf("synced")).toMatchObject([{ id: 1, to: 3 }]);
  });

  it("two subscribes at once are both answered, after one replay", () => {
    const id = newId("conversation");
    const driver = welcomed();
    driver.say({ type: "subscribe", id: 1, conversationId: id, after: 2 });
    const { call } = driver.last("readHeads");
    driver.say({ type: "subscribe", id: 2, conversationId: id, after: 0 });
    // The answer to the first is none to the second, which wants older events.
    driver.put({ type: "headsRead", call, heads: [head(id, 3)] });
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 3)] });
    answerReads(driver, id, 3);
    expect(driver.events).toEqual([1, 2, 3]);
    expect(driver.framesOf("synced").map((frame) => frame.id)).toEqual([1, 2]);
    expect(driver.session.inHand).toBe(0);
  });

  it("before the right to read is known, nothing of the conversation comes and nothing goes there", () => {
    const id = newId("conversation");
    const driver = welcomed(customer, { subscriptions: [{ conversationId: id, after: 0 }] });
    const by = { type: "agent" as const, id: "agt_9", name: "Ada" };
    const mark = { deliveredSeq: 1, deliveredPublicSeq: 1, readSeq: 0, readPublicSeq: 0, seen: 0 };
    const signals = () => {
      driver.put({ type: "signal", signal: { companyId, subjectId: id, kind: "typing", by, data: { on: true } } });
      driver.put({ type: "signal", signal: { companyId, subjectId: id, kind: "mark", by, data: mark } });
      driver.say({ type: "typing", conversationId: id, on: true });
    };
    signals();
    expect([driver.frames, driver.all("signal")]).toEqual([[], []]);
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 0)] });
    // A mark that moved meanwhile may be newer than the head that was read.
    expect(driver.frames.map(({ type }) => type)).toEqual(["receipt", "synced"]);
    signals();
    expect(driver.frames.slice(2).map(({ type }) => type)).toEqual(["ephemeral", "receipt"]);
    expect(driver.all("signal")).toHaveLength(1);
  });

  it("what may not be read is gone on resume, NOT_FOUND for a subscribe, and is left", () => {
    const id = newId("conversation");
    const driver = welcomed(customer, { subscriptions: [{ conversationId: id, after: 0 }] });
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [] });
    expect(driver.frames).toEqual([{ type: "gone", conversationId: id, why: "access" }]);
    driver.say({ type: "subscribe", id: 5, conversationId: id, after: 0 });
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [] });
    expect(driver.framesOf("error")).toMatchObject([{ id: 5, code: "NOT_FOUND" }]);
    expect(driver.all("leave")).toHaveLength(2);
    expect(driver.session.subscriptions.size).toBe(0);
  });

  it("a read that fails is told to who asked; a resume ends and comes back", () => {
    const [id, other] = [newId("conversation"), newId("conversation")];
    const driver = welcomed();
    driver.say({ type: "subscribe", id: 1, conversationId: id, after: 0 });
    driver.put({ type: "failed", of: driver.last("readHeads"), failure: unavailable });
    expect(driver.framesOf("error")).toMatchObject([{ id: 1, code: "UNAVAILABLE" }]);
    const back = welcomed(agent, { subscriptions: [{ conversationId: other, after: 0 }] });
    back.put({ type: "headsRead", call: back.last("readHeads").call, heads: [head(other, 3)] });
    back.put({ type: "failed", of: back.last("readEvents"), failure: unavailable });
    expect(back.last("close").code).toBe(1013);
    expect(back.last("leave").conversationId).toBe(other);
  });

  it("§7: sends large pages in slices, each when the one before has left", () => {
    const id = newId("conversation");
    const driver = welcomed(agent, { subscriptions: [{ conversationId: id, after: 0 }] });
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 50)] });
    const events = run(id, 1, 50).map((one) => ({ ...one, message: { ...one.message!, text: "x".repeat(16_000) } }));
    driver.put({ type: "eventsRead", call: driver.last("readEvents").call, events });
    expect(driver.events.length).toBeLessThan(12);
    for (let slice = 0; slice < 10; slice++) driver.put({ type: "flushed" });
    expect(driver.events).toHaveLength(50);
    expect(driver.framesOf("synced")).toHaveLength(1);
  });

  it("unsubscribing in the middle of a replay ends it", () => {
    const id = newId("conversation");
    const driver = welcomed(agent, { subscriptions: [{ conversationId: id, after: 0 }] });
    const { call } = driver.last("readHeads");
    driver.say({ type: "unsubscribe", conversationId: id });
    driver.put({ type: "headsRead", call, heads: [head(id, 9)] });
    expect(driver.all("readEvents")).toEqual([]);
    expect(driver.frames).toEqual([]);
    expect(driver.all("arrived")).toHaveLength(1);
  });
});

describe("marks", () => {
  it("SR9: are merged; only in conversations that are followed", () => {
    const id = newId("conversation");
    const driver = welcomed();
    driver.say({ type: "read", conversationId: id, seq: 3 });
    expect(driver.framesOf("error")).toMatchObject([{ code: "NOT_FOUND" }]);
    following(driver, id, 3);
    driver.say({ type: "read", conversationId: id, seq: 3 });
    const of = driver.last("mergeMark");
    expect(of).toMatchObject({ delivered: 3, read: 3 });
    expect(driver.session.inHand).toBe(1);
    driver.put({ type: "marked", of });
    expect(driver.session.inHand).toBe(0);
  });

  it("SR9: are kept and repeated while the database is away, the highest of them", () => {
    const id = newId("conversation");
    const driver = welcomed();
    following(driver, id, 9);
    driver.say({ type: "ack", conversationId: id, seq: 4 });
    driver.put({ type: "failed", of: driver.last("mergeMark"), failure: unavailable });
    expect(driver.last("setTimer")).toMatchObject({ name: "marks" });
    driver.say({ type: "read", conversationId: id, seq: 6 });
    driver.say({ type: "ack", conversationId: id, seq: 8 });
    expect(driver.all("mergeMark")).toHaveLength(1);
    driver.put({ type: "timer", name: "marks" });
    expect(driver.last("mergeMark")).toMatchObject({ delivered: 8, read: 6 });
    driver.put({ type: "failed", of: driver.last("mergeMark"), failure: unavailable });
    driver.put({ type: "timer", name: "marks" });
    expect(driver.last("mergeMark")).toMatchObject({ delivered: 8, read: 6 });
    expect(driver.framesOf("error")).toEqual([]);
    expect(driver.session.inHand).toBe(0);
  });
});

describe("a client that does not keep up (§7)", () => {
  const signal = (conversationId: ConversationId, kind: string, data: unknown): SessionInput => ({
    type: "signal",
    signal: { companyId, subjectId: conversationId, kind, by: { type: "contact", id: "con_1", name: null }, data },
  });
  const receipt = (read: number) => ({
    deliveredSeq: read,
    deliveredPublicSeq: 0,
    readSeq: read,
    readPublicSeq: 0,
    seen: 0,
  });

  it("[BP1] level 1: gets nothing ephemeral, receipts and feed items once, the last of each; events go on", () => {
    const id = newId("conversation");
    const driver = welcomed(agent, { feed: null });
    driver.put({ type: "feedRead", from: null, changed: [], position: "10" });
    following(driver, id, 3);
    driver.put({ type: "pressure", level: 1 });
    driver.put(signal(id, "typing", { on: true }));
    for (const read of [1, 2, 3]) driver.put(signal(id, "mark", receipt(read)));
    for (const json of ["1", "2", "3"]) {
      driver.put({ type: "feed", items: [{ conversationId: id, json }], position: `1${json}` });
    }
    driver.put({ type: "event", event: event(id, 4) });
    expect(driver.events).toEqual([4]);
    expect(driver.framesOf("ephemeral")).toEqual([]);
    expect(driver.framesOf("receipt")).toEqual([]);
    expect(driver.all("sendFeed")).toEqual([]);
    driver.put({ type: "pressure", level: 0 });
    expect(driver.framesOf("receipt")).toMatchObject([{ read: 3 }]);
    expect(driver.all("sendFeed")).toMatchObject([{ items: [{ json: "3" }], position: "13", more: false }]);
  });

  it("[BP2] level 2: events are not pushed, and read from where the client stands when it has caught up", () => {
    const id = newId("conversation");
    const driver = welcomed();
    following(driver, id, 3);
    driver.put({ type: "pressure", level: 2 });
    for (const one of run(id, 4, 20)) driver.put({ type: "event", event: one });
    expect(driver.events).toEqual([]);
    driver.put({ type: "pressure", level: 1 });
    driver.put({ type: "event", event: event(id, 21) });
    expect(driver.events).toEqual([]);
    expect(driver.session.subscriptions.get(id)!.catchUp!.held).toEqual([]);
    driver.put({ type: "pressure", level: 0 });
    driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 21)] });
    answerReads(driver, id, 21);
    expect(driver.events).toEqual(Array.from({ length: 18 }, (_, index) => index + 4));
    driver.put({ type: "event", event: event(id, 22) });
    expect(driver.events.at(-1)).toBe(22);
  });

  it("[BP3] level 3: is closed with 4490", () => {
    const id = newId("conversation");
    const driver = welcomed();
    following(driver, id, 3);
    driver.put({ type: "pressure", level: 3 });
    expect(driver.last("close").code).toBe(4490);
    expect(driver.last("leave").conversationId).toBe(id);
    expect(driver.put({ type: "event", event: event(id, 4) })).toEqual([]);
  });
});

describe("feed", () => {
  const items = (ids: readonly ConversationId[]) => ids.map((conversationId) => ({ conversationId, json: "{}" }));

  it("tells what was missed in parts, and what happens meanwhile behind it; the cursor moves with the last", () => {
    const ids = Array.from({ length: 150 }, () => newId("conversation"));
    const driver = welcomed(agent, { feed: "cursor" });
    driver.put({ type: "feed", items: items(ids.slice(0, 1)), position: "4" });
    driver.put({ type: "feedRead", from: "3", changed: ids, position: "9" });
    expect(driver.last("sendWelcome").position).toBe("3");
    expect(driver.last("readEntries").ids).toHaveLength(100);
    driver.put({ type: "entriesRead", items: items(ids.slice(0, 100)) });
    driver.put({ type: "flushed" });
    driver.put({ type: "entriesRead", items: items(ids.slice(100)) });
    expect(driver.all("sendFeed").map(({ items: part, position, more }) => [part.length, position, more])).toEqual([
      [100, "3", true],
      [50, "9", false],
      [1, "4", false],
    ]);
    driver.put({ type: "feed", items: items(ids.slice(0, 2)), position: "12" });
    expect(driver.last("sendFeed")).toMatchObject({ position: "12", more: false });
  });

  it("is a reset when too much has changed", () => {
    const driver = welcomed(agent, { feed: "cursor" });
    driver.put({ type: "feedRead", from: null, changed: null, position: "9" });
    expect(driver.last("sendWelcome")).toMatchObject({ frame: { resume: "reset" }, position: "9" });
    expect(driver.all("arrived")).toHaveLength(1);
  });

  it("is for those who may read conversations", () => {
    const driver = welcomed(agent, { feed: null });
    driver.put({ type: "failed", of: driver.last("readFeed"), failure: { code: "FORBIDDEN", retry: false } });
    expect(driver.last("close").code).toBe(4403);
  });
});

describe("who is around", () => {
  const jonas = agent.by;
  const lena = { type: "agent" as const, id: "agt_2", name: "Lena" };
  const shown = (driver: Driver) =>
    driver.framesOf("ephemeral").map((frame) => {
      if (frame.kind === "presence") return frame.data.online;
      return [frame.kind, frame.data.by.name, frame.data.on];
    });

  it("staff watch the contact and the conversation after the replay, and are told what changes", () => {
    const [id, second] = [newId("conversation"), newId("conversation")];
    const driver = welcomed();
    following(driver, id, 3);
    expect(driver.all("watch").map(({ place }) => place)).toEqual(["con_1", id]);
    driver.put({ type: "presence", place: "con_1", isOnline: true });
    driver.put({ type: "presence", place: "con_1", isOnline: true });
    driver.put({ type: "viewers", conversationId: id, people: [jonas, lena] });
    // The second conversation is of the same contact.
    following(driver, second, 1);
    driver.put({ type: "viewers", conversationId: id, people: [jonas] });
    expect(shown(driver)).toEqual([true, ["viewing", "Lena", true], true, ["viewing", "Lena", false]]);
    driver.say({ type: "unsubscribe", conversationId: id });
    expect(driver.all("unwatch").map(({ place }) => place)).toEqual([id]);
    driver.say({ type: "unsubscribe", conversationId: second });
    expect(driver.all("unwatch").map(({ place }) => place)).toEqual([id, second, "con_1"]);
  });

  it("a customer watches the business alone, and no frame names a colleague who looks", () => {
    const id = newId("conversation");
    const driver = welcomed(customer);
    following(driver, id, 3);
    expect(driver.all("watch").map(({ place }) => place)).toEqual([companyId]);
    driver.put({ type: "presence", place: companyId, isOnline: true });
    driver.put({ type: "viewers", conversationId: id, people: [lena] });
    expect(shown(driver)).toEqual([true]);
    driver.say({ type: "viewing", conversationId: id, on: true });
    expect(driver.framesOf("error")).toMatchObject([{ code: "FORBIDDEN" }]);
  });

  it("typing of a note is for colleagues; nothing that a customer claims makes a note of it", () => {
    const id = newId("conversation");
    const [author, reader] = [welcomed(), welcomed(customer)];
    following(author, id, 3);
    following(reader, id, 3);
    const typed = (driver: Driver, by: Who["by"]): SessionInput => ({
      type: "signal",
      signal: { companyId, by, ...driver.last("signal").signal },
    });
    author.say({ type: "typing", conversationId: id, on: true, note: true });
    reader.put(typed(author, author.session.who!.by));
    expect(shown(reader)).toEqual([]);
    reader.say({ type: "typing", conversationId: id, on: true, note: true });
    author.put(typed(reader, reader.session.who!.by));
    expect(author.framesOf("ephemeral")).toMatchObject([{ data: { by: customer.by, on: true } }]);
    expect(JSON.stringify(author.frames)).not.toContain("note");
  });

  it("§7: a client that does not keep up is told what is different when it does", () => {
    const id = newId("conversation");
    const driver = welcomed();
    following(driver, id, 3);
    driver.put({ type: "presence", place: "con_1", isOnline: true });
    driver.put({ type: "pressure", level: 1 });
    driver.put({ type: "presence", place: "con_1", isOnline: false });
    driver.put({ type: "viewers", conversationId: id, people: [lena] });
    driver.put({ type: "presence", place: "con_1", isOnline: true });
    driver.put({ type: "pressure", level: 0 });
    expect(shown(driver)).toEqual([true, ["viewing", "Lena", true]]);
  });

  it("looking ends with the connection", () => {
    const id = newId("conversation");
    const driver = welcomed();
    following(driver, id, 3);
    driver.say({ type: "viewing", conversationId: id, on: true });
    driver.put({ type: "closed" });
    expect(driver.all("signal").map(({ signal }) => (signal.data as { on: boolean }).on)).toEqual([true, false]);
    expect(driver.all("unwatch")).toHaveLength(2);
  });
});

describe("frames that are too much (§8)", () => {
  it("nested too deep or with too many keys are answered as such, a hello of the full size is not", () => {
    const driver = welcomed();
    const deep = `${"[".repeat(20)}${"]".repeat(20)}`;
    driver.put({ type: "frame", text: `{"type":"ping","n":1,"id":7,"x":${deep}}` });
    driver.put({ type: "frame", text: `{"type":"ping","n":1,"x":[${"1,".repeat(1_000)}1]}` });
    expect(driver.framesOf("error")).toMatchObject([
      { id: 7, code: "TOO_LARGE", retry: false },
      { id: null, code: "TOO_LARGE" },
    ]);
    const subscriptions = Array.from({ length: 200 }, () => ({ conversationId: newId("conversation"), after: 0 }));
    expect(welcomed(agent, { subscriptions }).last("readHeads").ids).toHaveLength(200);
    const tooMany = [...subscriptions, ...subscriptions.slice(0, 1)];
    expect(drive().say(helloFrame({ subscriptions: tooMany }))).toEqual([{ type: "close", code: 4400 }]);
  });

  it("a fetch asks for 200 events at most, a connection follows 200 conversations at most", () => {
    const driver = welcomed();
    driver.say({ type: "fetch", id: 1, conversationId: newId("conversation"), limit: 201 });
    expect(driver.framesOf("error")).toMatchObject([{ id: 1, code: "VALIDATION" }]);
    const subscriptions = Array.from({ length: 200 }, () => ({ conversationId: newId("conversation"), after: 0 }));
    const full = welcomed(agent, { subscriptions });
    full.say({ type: "subscribe", id: 2, conversationId: newId("conversation"), after: 0 });
    expect(full.framesOf("error")).toMatchObject([{ id: 2, code: "RATE_LIMITED", details: { limit: 200 } }]);
  });
});

describe("floods", () => {
  it("§7: frames beyond the rate are answered, three seconds of excess in a minute end the connection", () => {
    const driver = drive(createSession({ id: "s1", epoch: "e1", frameRate: { perSecond: 1, burst: 2 } }));
    driver.say(helloFrame());
    driver.put({ type: "redeemed", who: agent });
    const burst = () => {
      for (let n = 0; n < 5; n++) driver.say({ type: "ping", n });
    };
    burst();
    expect(driver.framesOf("pong")).toHaveLength(1);
    expect(driver.framesOf("error")[0]).toMatchObject({ code: "RATE_LIMITED", retry: true });
    for (let second = 0; second < 2; second++) {
      driver.pass(1_500);
      burst();
    }
    expect(driver.last("close").code).toBe(4429);
  });
});

it("is plain data: a snapshot goes on like the original", () => {
  const id = newId("conversation");
  const driver = welcomed(agent, { subscriptions: [{ conversationId: id, after: 0 }] });
  driver.put({ type: "headsRead", call: driver.last("readHeads").call, heads: [head(id, 5)] });
  const twin = structuredClone(driver.session);
  const input: SessionInput = { type: "eventsRead", call: driver.last("readEvents").call, events: run(id, 1, 5) };
  expect(step(twin, input, 0)).toEqual(step(driver.session, input, 0));
  expect(twin).toEqual(driver.session);
});
