// Attacks on the WebSocket and what has to come of them, one row each. Others stand in access-matrix.test.ts (every frame
// by every caller), golden-fields.test.ts (what a frame holds), fuzz-frames.test.ts (frames of all shapes), and the tests
// of the gateway (floods, slow readers, the first frame).
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientFrame, ServerFrame } from "@presszero/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBus } from "../kernel/bus.ts";
import { assignConversation, sendMessage } from "../modules/conversations/index.ts";
import type { TestClient } from "../modules/gateway/test-client.ts";
import { openTestClient } from "../modules/gateway/test-client.ts";
import {
  authenticate,
  changeAgent,
  changeCompany,
  changeCompanyStatus,
  createAgent,
  createTicket,
  revokeApiKey,
  revokeSession,
  signOut,
} from "../modules/identity/index.ts";
import { newConversation, text } from "./testing-calls.ts";
import { type House, openHouse, password } from "./testing-house.ts";
import { breakOff, closeCodeAfter, exchange, handshake, wireFrame } from "./testing-raw.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const frameOf = (type: ServerFrame["type"], client: TestClient) => client.frames.filter((frame) => frame.type === type);

/** Everything that was sent before is answered, or never will be. */
async function settle(client: TestClient): Promise<void> {
  const n = Math.floor(Math.random() * 1e9);
  client.send({ type: "ping", n });
  await client.next("pong", (frame) => frame.n === n);
}

describe("coming in", () => {
  const hello = (ticket: string, deviceId: string): ClientFrame => ({
    type: "hello",
    version: 1,
    ticket,
    deviceId,
    client: "test",
    epoch: null,
    subscriptions: [],
  });

  test("a cookie opens nothing: a page of another site has it sent too", async () => {
    const login = { email: house.home.email("agent"), password };
    const { cookies } = await house.call({ method: "POST", url: "/v1/sessions", payload: login });
    const cookie = `${cookies[0]!.name}=${cookies[0]!.value}`;
    const answer = await exchange(
      house.port,
      Buffer.concat([
        Buffer.from(handshake(`Cookie: ${cookie}\r\nOrigin: https://evil.example\r\n`)),
        wireFrame(JSON.stringify(hello("", randomUUID()))),
      ]),
    );
    expect(answer).not.toContain("welcome");
    expect(answer).toContain("UNAUTHENTICATED");
  });

  test.each([
    ["https://shop.example", "welcome"],
    ["https://evil.example", 4403],
    ["https://shop.example.evil.example", 4403],
    ["http://shop.example", 4403],
    ["https://shop.example:8443", 4403],
    ["null", 4403],
    [undefined, "welcome"],
  ])("a page of %s, where the company names its site: %s", async (origin, expected) => {
    await changeCompany(house.home.system, { allowedOrigins: ["https://shop.example"] });
    const deviceId = randomUUID();
    const { ticket } = await createTicket(await house.as("customer"), { deviceId });
    const client = await openTestClient(house.port, { origin });
    client.send(hello(ticket, deviceId));
    const came = await Promise.race([client.next("welcome").then(() => "welcome"), client.closed]);
    expect(came).toBe(expected);
    client.close();
    await changeCompany(house.home.system, { allowedOrigins: [] });
  });

  test("a ticket counts once, also when it is shown twice at the same moment", async () => {
    const deviceId = randomUUID();
    const { ticket } = await createTicket(await house.as("customer"), { deviceId });
    const clients = await Promise.all(Array.from({ length: 5 }, () => openTestClient(house.port)));
    for (const client of clients) client.send(hello(ticket, deviceId));
    const outcomes = await Promise.all(
      clients.map((client) => Promise.race([client.next("welcome").then(() => "in"), client.closed])),
    );
    expect(outcomes.map(String).sort()).toEqual(["4401", "4401", "4401", "4401", "in"]);
    for (const client of clients) client.close();
  });

  test.each([
    ["a ticket in place of the sub-protocol", handshake().replace("presszero.v1", "pzt.cmp_x.y"), 426],
    ["a sub-protocol of 8 KiB", handshake().replace("presszero.v1", "x".repeat(8_000)), 426],
    ["no key", handshake().replace(/Sec-WebSocket-Key.*\r\n/, ""), 400],
    ["a wrong key", handshake().replace("dGhlIHNhbXBsZSBub25jZQ==", "x"), 400],
    ["an old version", handshake().replace("Version: 13", "Version: 7"), 400],
    ["another method", handshake().replace("GET", "POST"), 405],
    ["another path", handshake().replace("/v1/realtime", "/v1/realtime/../x"), 404],
    [
      "an extension from the prototype",
      handshake("Sec-WebSocket-Extensions: constructor\r\nConnection: close\r\n"),
      101,
    ],
    ["a broken extension", handshake('Sec-WebSocket-Extensions: permessage-deflate; a="\r\n'), 101],
    ["1,500 headers", handshake("X-A: 1\r\n".repeat(1_500)), 101],
    ["64 KiB of one header", handshake(`X-A: ${"a".repeat(64 * 1024)}\r\n`), 431],
  ])("%s", async (_name, request, expected) => {
    const answer = await exchange(house.port, Buffer.concat([Buffer.from(request), wireFrame("x", { opcode: 2 })]));
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
    expect([expected, 431]).toContain(status);
    expect(answer.toLowerCase()).not.toContain("sec-websocket-extensions");
  });
});

describe("the end of a sign-in is the end of its connections", () => {
  const conversation = async () => ({ subscriptions: [{ conversationId: await newConversation(house), after: 0 }] });
  const newAgent = async () => {
    const email = house.home.email(randomUUID());
    const { id } = await createAgent(house.home.system, { name: "Leaving", email, password, role: "agent" });
    const payload = { email, password, transport: "token" };
    const { token } = (await house.call({ method: "POST", url: "/v1/sessions", payload })).json() as { token: string };
    return { id, token, ctx: await authenticate(house.ctx, token) };
  };

  const ends: Record<string, () => Promise<{ token: string; end(): Promise<unknown> }>> = {
    "signing out": async () => {
      const { token, ctx } = await newAgent();
      return { token, end: () => signOut(ctx) };
    },
    "revocation from another device": async () => {
      const { token, ctx } = await newAgent();
      if (ctx.actor.type !== "agent") throw new Error("not an agent");
      const { sessionId } = ctx.actor;
      return { token, end: () => revokeSession(ctx, sessionId) };
    },
    "another role": async () => {
      const { token, id } = await newAgent();
      return { token, end: () => changeAgent(house.home.system, id, { role: "supervisor" }) };
    },
    deactivation: async () => {
      const { token, id } = await newAgent();
      return { token, end: () => changeAgent(house.home.system, id, { status: "deactivated" }) };
    },
    "revocation of the key": async () => {
      const token = await house.newKey(["conversations.read", "conversations.reply"]);
      const { actor } = await authenticate(house.ctx, token);
      return { token, end: () => revokeApiKey(house.home.system, actor.id as never) };
    },
    "a guest's signing out": async () => {
      const token = await house.enter("customer");
      const ctx = await authenticate(house.ctx, token);
      return { token, end: () => signOut(ctx) };
    },
  };

  test.each(Object.entries(ends))("%s", async (_name, begin) => {
    const { token, end } = await begin();
    const mine = token.startsWith("pzg") ? {} : await conversation();
    const client = await house.connect(token, { feed: null, ...mine });
    await end();
    expect(await client.closed).toBe(4491);
    const received = client.frames.length;
    client.send({ type: "ping", n: 1 });
    await sendMessage(await house.as("agent"), await newConversation(house), {
      deviceId: randomUUID(),
      clientId: randomUUID(),
      message: text,
    });
    expect(client.frames).toHaveLength(received);
  });

  test("suspension of the company, for everybody in it and for nobody else", async () => {
    const { foreign, home, tokens } = house;
    const theirs = await Promise.all(
      [tokens.foreignAdmin, tokens.foreignCustomer].map((token) => house.connect(token)),
    );
    const other = await house.connect(tokens.agent);
    await changeCompanyStatus(home.system, foreign.system.companyId, "suspended");
    for (const client of theirs) expect(await client.closed).toBe(4491);
    await settle(other);
    other.close();
    await changeCompanyStatus(home.system, foreign.system.companyId, "active");
  });
});

describe("frames that pretend", () => {
  test("are written by whoever is connected, whatever they say", async () => {
    const conversationId = await newConversation(house);
    const client = await house.connect(house.tokens.customer, { subscriptions: [{ conversationId, after: 0 }] });
    await client.next("synced");
    const agent = await house.as("agent");
    const send = { type: "send", id: 1, conversationId, clientId: randomUUID(), message: text };
    const by = { type: "agent", id: agent.actor.id, name: "agent" };
    const lies = {
      by,
      author: by,
      createdBy: "system",
      role: "agent",
      seq: 999,
      companyId: "x",
      userId: "x",
      session: "x",
    };
    client.sendRaw(JSON.stringify({ ...send, ...lies }));
    const event = await client.next("event", (frame) => frame.kind === "message.created" && frame.seq > 2);
    expect(event).toMatchObject({
      seq: 3,
      by: { type: "contact" },
      data: { createdBy: "user", author: { type: "contact" } },
    });
    // Unknown keys of a frame are ignored; what a message holds is never dropped in silence.
    for (const [id, more] of [{ author: by }, { createdBy: "system" }, { files: ["fil_1"] }, { seq: 1 }].entries()) {
      client.sendRaw(JSON.stringify({ ...send, id: id + 2, clientId: randomUUID(), message: { ...text, ...more } }));
      expect(await client.next("error", (frame) => frame.id === id + 2)).toMatchObject({ code: "VALIDATION" });
    }
    for (const [id, kind] of ["note", "form", "cards", "system", "event"].entries()) {
      client.sendRaw(JSON.stringify({ ...send, id: id + 20, clientId: randomUUID(), message: { ...text, kind } }));
      expect(["VALIDATION", "FORBIDDEN"]).toContain((await client.next("error", (frame) => frame.id === id + 20)).code);
    }
    client.close();
  });

  const types = ["event", "ok", "welcome", "receipt", "ephemeral", "feed", "drain", "gone", "presence"];
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "", "HELLO", "send\u0000"];
  test.each([...types, ...names, 1, null, true, {}, ["send"]])("as a frame of type %j it is unknown", async (type) => {
    const client = await house.connect(house.tokens.customer);
    client.sendRaw(JSON.stringify({ type, id: 7, conversationId: null, kind: "typing", data: { on: true } }));
    expect(await client.next("error")).toMatchObject({ id: 7, code: "UNKNOWN_TYPE" });
    client.close();
  });

  test("a frame that fills the prototype fills nothing", async () => {
    const client = await house.connect(house.tokens.customer);
    client.sendRaw('{"type":"ping","n":1,"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    await client.next("pong");
    expect({}).not.toHaveProperty("polluted");
    client.close();
  });
});

describe("numbers and ids that are none", () => {
  const refused = ["-1", "1.5", "9223372036854775808", "9007199254740993", '"1"', "null", "1e999", "[]", "{}", "NaN"];
  const wildcards = ["*", "cnv_*", "%", "", "cnv_", "../", "cnv_00000000000000000000000000'--", "\\u0000"];

  test("are refused in every place of a frame", async () => {
    const conversationId = await newConversation(house);
    const client = await house.connect(house.tokens.customer, { subscriptions: [{ conversationId, after: 0 }] });
    await client.next("synced");
    const before = await house.checksum();
    let id = 10;
    const refuse = async (frame: string) => {
      client.sendRaw(frame.replace("{", `{"id":${++id},`));
      const isJson = (() => {
        try {
          return typeof JSON.parse(frame);
        } catch {
          return null;
        }
      })();
      if (isJson)
        expect(await client.next("error", (one) => one.id === id), frame).toMatchObject({ code: "VALIDATION" });
    };
    for (const value of refused.filter((one) => one !== "NaN")) {
      await refuse(`{"type":"subscribe","conversationId":"${conversationId}","after":${value}}`);
      await refuse(`{"type":"fetch","conversationId":"${conversationId}","before":${value}}`);
      await refuse(`{"type":"fetch","conversationId":"${conversationId}","limit":${value === "null" ? "0" : value}}`);
      await refuse(`{"type":"ack","conversationId":"${conversationId}","seq":${value}}`);
      await refuse(`{"type":"read","conversationId":"${conversationId}","seq":${value}}`);
    }
    for (const value of wildcards) {
      await refuse(`{"type":"subscribe","conversationId":"${value}","after":0}`);
      await refuse(`{"type":"fetch","conversationId":"${value}"}`);
      await refuse(`{"type":"typing","conversationId":"${value}","on":true}`);
    }
    expect(await house.checksum()).toBe(before);
    client.sendRaw(`{"type":"ack","conversationId":"${conversationId}","seq":NaN}`);
    expect(await client.closed).toBe(4400);
  });

  test("a mark beyond the end counts as the end", async () => {
    const conversationId = await newConversation(house);
    const client = await house.connect(house.tokens.customer, { subscriptions: [{ conversationId, after: 0 }] });
    await client.next("synced");
    client.send({ type: "read", conversationId, seq: Number.MAX_SAFE_INTEGER });
    expect(await client.next("receipt")).toMatchObject({ side: "mine", delivered: 2, read: 2 });
    client.close();
  });

  test("more conversations than a connection may follow are refused, in a hello and one by one", async () => {
    const many = Array.from({ length: 201 }, () => ({ conversationId: `cnv_${"0".repeat(26)}`, after: 0 }));
    const client = await house.open(house.tokens.agent, { subscriptions: many });
    expect(await client.closed).toBe(4400);
  });

  test("the answer to a frame full of mistakes is not larger than the frame", async () => {
    const client = await house.connect(house.tokens.customer);
    const frame = JSON.stringify({
      type: "send",
      id: 1,
      message: {
        kind: "text",
        ...Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`key${index}`.padEnd(40, "x"), 1])),
      },
    });
    client.sendRaw(frame);
    const error = await client.next("error");
    expect(JSON.stringify(error).length).toBeLessThan(frame.length);
    expect((error.details!.fields as unknown[]).length).toBeLessThanOrEqual(50);
    client.close();
  });

  test.each(["forged", "e30.", `${"x".repeat(290)}`, ""])("a feed cursor %j that is none begins anew", async (feed) => {
    const client = await house.open(house.tokens.customer, { feed });
    expect(await client.next("welcome")).toMatchObject({ resume: "reset" });
    client.close();
  });

  test("and so does somebody else's", async () => {
    const theirs = await house.open(house.tokens.otherCustomer, { feed: null });
    const { feed } = await theirs.next("welcome");
    for (const caller of ["customer", "agent", "foreignCustomer"] as const) {
      const client = await house.open(house.tokens[caller], { feed });
      expect(await client.next("welcome"), caller).toMatchObject({ resume: "reset" });
      client.close();
    }
    theirs.close();
  });
});

describe("bytes that are no frame", () => {
  const ping = '{"type":"ping","n":1}';
  const rows: [string, Buffer, number][] = [
    ["a binary frame", wireFrame(ping, { opcode: 2 }), 4400],
    ["nothing", wireFrame(""), 4400],
    ["null", wireFrame("null"), 4400],
    ["a list", wireFrame("[]"), 4400],
    ["a number", wireFrame("1"), 4400],
    ["half of a JSON", wireFrame('{"type":'), 4400],
    ["something else than a hello first", wireFrame(ping), 4400],
    ["64 KiB and a byte", wireFrame("x".repeat(64 * 1024 + 1)), 1009],
    ["a length of 2⁶²", wireFrame("", { length: 2 ** 62 }), 1009],
    [
      "64 KiB and a byte in parts",
      Buffer.concat([wireFrame("x".repeat(60_000), { fin: false }), wireFrame("x".repeat(6_000), { opcode: 0 })]),
      1009,
    ],
    ["a continuation of nothing", wireFrame(ping, { opcode: 0 }), 1002],
    ["a new message within another", Buffer.concat([wireFrame("{", { fin: false }), wireFrame(ping)]), 1002],
    ["a frame without a mask", wireFrame(ping, { isMasked: false }), 1002],
    ["a compressed frame that was not agreed on", wireFrame(ping, { reserved: 4 }), 1002],
    ["reserved bits", wireFrame(ping, { reserved: 3 }), 1002],
    ["a reserved opcode", wireFrame(ping, { opcode: 3 }), 1002],
    ["a reserved control opcode", wireFrame(ping, { opcode: 11 }), 1002],
    ["a ping of 126 bytes", wireFrame("x".repeat(126), { opcode: 9 }), 1002],
    ["a ping in parts", wireFrame("x", { opcode: 9, fin: false }), 1002],
    ["a close of one byte", wireFrame("x", { opcode: 8 }), 1002],
    ["a close with a code that nobody may send", wireFrame(Buffer.from([3, 237]), { opcode: 8 }), 1002],
    ["bytes that are no UTF-8", wireFrame(Buffer.from([0xc3, 0x28])), 1007],
    ["overlong UTF-8", wireFrame(Buffer.from([0xc0, 0xaf])), 1007],
    ["a surrogate in UTF-8", wireFrame(Buffer.from([0xed, 0xa0, 0x80])), 1007],
    ["half a character", wireFrame(Buffer.from([0xf0, 0x9f, 0x98])), 1007],
    [
      "a hundred thousand parts",
      Buffer.concat(
        Array.from({ length: 100_000 }, (_, index) => wireFrame("x", { opcode: index === 0 ? 1 : 0, fin: false })),
      ),
      1008,
    ],
  ];

  test.each(rows)("%s", async (_name, bytes, code) => {
    expect(await closeCodeAfter(house.port, bytes)).toBe(code);
    const client = await house.connect(house.tokens.customer);
    await settle(client);
    client.close();
  });

  test("a connection that breaks off in the middle of a frame leaves nothing behind", async () => {
    const open = async () => {
      const { body } = await house.server.inject({ url: "/metrics" });
      return Number(/^\S*ws_connections (\d+)$/m.exec(body)![1]);
    };
    await expect.poll(open).toBe(0);
    const frame = wireFrame(ping);
    await Promise.all(Array.from(frame, (_, index) => breakOff(house.port, frame.subarray(0, index))));
    await expect.poll(open).toBe(0);
    const client = await house.connect(house.tokens.customer);
    await settle(client);
    expect(await open()).toBe(1);
    client.close();
    await client.closed;
  });
});

describe("what staff do among themselves", () => {
  /** Everything but the clock of the connection. */
  const told = (client: TestClient, from: number) => client.frames.slice(from).filter((frame) => frame.type !== "pong");

  test("leaves no trace on the customer's connection, nor on the one after it", async () => {
    const customer = await house.connect(house.tokens.customer, { feed: null });
    const conversationId = await newConversation(house);
    const subscriptions = [{ conversationId, after: 0 }];
    await customer.next("feed", (frame) => frame.items.some((item) => item.id === conversationId));
    customer.send({ type: "subscribe", id: 1, conversationId, after: 0 });
    const colleague = await house.connect(house.tokens.supervisor, { feed: null, subscriptions });
    const actor = await house.as("agent");
    const agent = await house.connect(house.tokens.agent, { subscriptions });
    for (const client of [customer, colleague, agent]) await client.next("synced");
    // As apps do: what has come is acknowledged, also what is nobody's business.
    const seen = (seq: number) => {
      for (const client of [colleague, agent]) {
        client.send({ type: "ack", conversationId, seq });
        client.send({ type: "read", conversationId, seq });
      }
    };
    seen(2);
    await customer.next("receipt", (frame) => frame.side === "other" && frame.read === 2);
    await settle(customer);
    const from = customer.frames.length;
    const before = await house.open(house.tokens.customer, { feed: null });
    const { feed, epoch } = await before.next("welcome");
    before.close();
    const query = `deviceId=${randomUUID()}&conversations=${conversationId}:2:0:2:2&cursor=${feed}&epoch=${epoch}`;
    let polled: string[] | null = null;
    const poll = house
      .call({ method: "GET", url: `/v1/events?${query}`, token: house.tokens.customer })
      .then((answer) => (polled = (answer.json() as { frames: ServerFrame[] }).frames.map((frame) => frame.type)));

    const note = { kind: "note" as const, text: "between us" };
    const input = () => ({ deviceId: randomUUID(), clientId: randomUUID(), message: note });
    agent.send({ type: "typing", conversationId, on: true, note: true });
    agent.send({ type: "viewing", conversationId, on: true });
    const { messageId } = await sendMessage(actor, conversationId, input());
    const url = `/v1/conversations/${conversationId}/messages/${messageId}`;
    const change = (call: object) => house.call({ token: house.tokens.agent, ...call } as never);
    await change({ method: "POST", url: `${url}/reactions`, payload: { emoji: "👍", on: true } });
    await change({ method: "PATCH", url, payload: { text: "changed between us" } });
    await change({ method: "DELETE", url });
    await assignConversation(await house.as("admin"), conversationId, actor.actor.id as never);
    await colleague.next("event", (frame) => frame.kind === "conversation.assigned");
    seen(7);
    await colleague.next("receipt", (frame) => frame.side === "mine" && frame.read === 7);

    // In another process: a hint says so, or, when that is lost, the log.
    const elsewhere = { ...actor, bus: createBus(() => {}) };
    const { seq } = await sendMessage(elsewhere, conversationId, input());
    const { companyId } = actor;
    house.ctx.bus.hint({ companyId, subjectId: conversationId, seq, type: "message.created", isPublic: false });
    await colleague.next("event", (frame) => frame.seq === seq);
    const lost = await sendMessage(elsewhere, conversationId, input());
    await colleague.next("event", (frame) => frame.seq === lost.seq);
    seen(lost.seq);
    await colleague.next("receipt", (frame) => frame.side === "mine" && frame.read === lost.seq);
    await colleague.next("feed", (frame) => frame.items.some((item) => item.head === lost.seq));
    await settle(customer);
    expect(told(customer, from)).toEqual([]);
    expect(polled).toBeNull();

    // On coming back neither the feed nor the conversation has anything to tell.
    const back = await house.open(house.tokens.customer, { feed, subscriptions: [{ conversationId, after: 2 }] });
    expect(await back.next("welcome")).toMatchObject({ resume: "ok" });
    expect(await back.next("synced")).toMatchObject({ head: 2, from: 3, to: 2, other: { delivered: 2, read: 2 } });
    await sleep(300);
    await settle(back);
    expect(frameOf("feed", back)).toEqual([]);
    expect(frameOf("event", back)).toEqual([]);

    // And what is meant for the customer arrives as ever, with the next number.
    await sendMessage(elsewhere, conversationId, { ...input(), message: text });
    for (const client of [customer, back]) {
      expect(await client.next("event", (frame) => frame.kind === "message.created" && frame.seq > 2)).toMatchObject({
        seq: 3,
      });
      await client.next("feed", (frame) => frame.items.some((item) => item.head === 3));
    }
    expect(await poll).toContain("event");
    for (const client of [customer, colleague, agent, back]) client.close();
  });
});
