// For tests only: plays the scripts of packages/contracts/conformance against a running server. Their README says what each
// step means; whoever writes a client in another language can write this player again from it.
import { randomUUID } from "node:crypto";
import { type IncomingHttpHeaders, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { realtimePath, serverFrame, subProtocol } from "@presszero/contracts";
import { WebSocket } from "ws";
import { z } from "zod";
import { fill, matches, type Variables } from "./testing-patterns.ts";

const frame = z.looseObject({});
const on = z.string();
const step = z.union([
  z.strictObject({ ticket: z.string(), person: z.string(), device: z.string() }),
  z.strictObject({ open: z.string(), origin: z.string().optional() }),
  z.strictObject({
    connect: z.string(),
    person: z.string(),
    device: z.string().optional(),
    hello: frame.optional(),
  }),
  z.strictObject({ on, send: frame }),
  z.strictObject({ on, sendText: z.string() }),
  z.strictObject({ on, sendBytes: z.array(z.number()) }),
  z.strictObject({ on, expect: frame }),
  z.strictObject({ on, expectAll: z.array(frame) }),
  z.strictObject({ on, expectInOrder: z.array(frame) }),
  z.strictObject({ on, never: z.array(frame) }),
  z.strictObject({ on, count: frame, is: z.number() }),
  z.strictObject({ on, ascending: frame, path: z.string() }),
  z.strictObject({ on, frames: frame, path: z.string(), sameAs: z.string() }),
  z.strictObject({ on, close: z.literal(true) }),
  z.strictObject({ on, expectClose: z.number() }),
  z.strictObject({ pause: z.number() }),
  z.strictObject({
    upgrade: z.string(),
    headers: z.record(z.string(), z.string()).optional(),
    status: z.number(),
    answer: z.unknown().optional(),
  }),
  z.strictObject({
    call: z.string(),
    person: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
    body: z.unknown().optional(),
    status: z.number(),
    answer: z.unknown().optional(),
  }),
  z.strictObject({
    repeat: z.number(),
    as: z.string(),
    get steps() {
      return z.array(step);
    },
  }),
]);
type Step = z.infer<typeof step>;

const script = z.strictObject({
  title: z.string(),
  rules: z.array(z.string()).min(1),
  given: z.literal("conversation").optional(),
  steps: z.array(step).min(1),
});
export type Script = z.infer<typeof script>;

/** A file of the suite. `settings` are those of docs/settings.md that the server has to be started with. */
export const scriptFile = z.strictObject({
  about: z.string(),
  settings: z.record(z.string(), z.string()).optional(),
  scripts: z.array(script).min(1),
});

/** The server, and a token for each person of the README. */
export type Stage = { baseUrl: string; tokens: Readonly<Record<string, string>> };

const patienceMs = 10_000;

type Line = {
  socket: WebSocket;
  frames: { value: Record<string, unknown>; isTaken: boolean }[];
  code: number | null;
  fault: Error | null;
  changed: Set<() => void>;
};

/** Plays one script to its end. Rejects at the first step that does not go as the script says. */
export async function play(stage: Stage, { given, steps }: Script): Promise<void> {
  const variables: Variables = new Map([["baseUrl", stage.baseUrl]]);
  const lines = new Map<string, Line>();
  try {
    if (given === "conversation") {
      await run({
        call: "POST /v1/my/conversations",
        person: "customer",
        headers: { "Idempotency-Key": "${uuid:given}" },
        body: { kind: "text", text: "Hello" },
        status: 200,
        answer: { conversationId: "${conversation}" },
      });
    }
    for (const one of steps) await run(one);
  } finally {
    for (const { socket } of lines.values()) socket.terminate();
  }

  async function run(one: Step): Promise<void> {
    try {
      await perform(one);
    } catch (error) {
      if (error instanceof StepFailure || "repeat" in one) throw error;
      throw new StepFailure(`${(error as Error).message}\nin the step ${JSON.stringify(one)}`, { cause: error });
    }
  }

  async function perform(one: Step): Promise<void> {
    if ("repeat" in one) {
      const before = new Set(variables.keys());
      for (let turn = 1; turn <= one.repeat; turn++) {
        variables.set(one.as, turn);
        for (const inner of one.steps) await run(inner);
        for (const name of variables.keys()) if (!before.has(name)) variables.delete(name);
      }
    } else if ("ticket" in one) {
      variables.set(one.ticket, await getTicket(one.person, one.device));
    } else if ("open" in one) {
      const origin = one.origin === undefined ? undefined : String(fill(one.origin, variables));
      lines.set(one.open, await open(stage, origin));
    } else if ("connect" in one) {
      const device = one.device ?? one.connect;
      const hello = {
        type: "hello",
        version: 1,
        ticket: await getTicket(one.person, device),
        deviceId: `\${uuid:${device}}`,
        client: "conformance/1",
        epoch: null,
        subscriptions: [],
        ...one.hello,
      };
      const line = await open(stage);
      lines.set(one.connect, line);
      line.socket.send(JSON.stringify(fill(hello, variables)));
    } else if ("pause" in one) {
      await sleep(one.pause);
    } else if ("upgrade" in one) {
      const { status, headers } = await upgrade(stage, one.upgrade, one.headers ?? {});
      if (status !== one.status || (one.answer !== undefined && !matches(one.answer, headers, variables))) {
        throw new Error(`the upgrade was answered ${status} ${JSON.stringify(headers)}`);
      }
    } else if ("call" in one) {
      const { status, body } = await call(one.call, one.person, one.body, one.headers);
      if (status !== one.status || (one.answer !== undefined && !matches(one.answer, body, variables))) {
        throw new Error(`the call was answered ${status} ${JSON.stringify(body)}`);
      }
    } else {
      await converse(one);
    }
  }

  async function converse(one: Extract<Step, { on: string }>): Promise<void> {
    const line = lineOf(one.on);
    if ("send" in one) line.socket.send(JSON.stringify(fill(one.send, variables)));
    else if ("sendText" in one) line.socket.send(one.sendText);
    else if ("sendBytes" in one) line.socket.send(Buffer.from(one.sendBytes));
    else if ("close" in one) await close(line);
    else if ("expectClose" in one)
      await until(line, () => line.code !== null, `close ${one.expectClose}`, one.expectClose);
    else if ("expect" in one) await take(line, one.expect, 0);
    else if ("expectAll" in one) for (const pattern of one.expectAll) await take(line, pattern, 0);
    else if ("expectInOrder" in one) {
      let from = 0;
      for (const pattern of one.expectInOrder) from = (await take(line, pattern, from)) + 1;
    } else if ("never" in one) {
      for (const pattern of one.never) {
        const [found] = received(line, pattern);
        if (found) throw new Error(`this must not come: ${JSON.stringify(found)}`);
      }
    } else if ("count" in one) {
      const found = received(line, one.count);
      if (found.length !== one.is) throw new Error(`there are ${found.length}: ${JSON.stringify(found)}`);
    } else if ("ascending" in one) {
      const values = received(line, one.ascending).map((value) => at(value, one.path) as number);
      if (values.some((value, index) => index > 0 && value <= values[index - 1]!))
        throw new Error(`not ascending: ${values.join()}`);
    } else {
      const [mine, theirs] = [line, lineOf(one.sameAs)].map((other) =>
        received(other, one.frames).map((value) => at(value, one.path)),
      );
      if (!isDeepStrictEqual(mine, theirs)) throw new Error(JSON.stringify([mine, theirs]));
    }
  }

  function lineOf(name: string): Line {
    const line = lines.get(name);
    if (!line) throw new Error(`there is no connection ${name}`);
    return line;
  }

  /** All frames so far that fit. */
  function received(line: Line, pattern: unknown): Record<string, unknown>[] {
    return line.frames.map(({ value }) => value).filter((value) => matches(pattern, value, new Map(variables)));
  }

  /** Takes the first frame from `from` on that was not taken and fits; answers its place. */
  async function take(line: Line, pattern: unknown, from: number): Promise<number> {
    let place = from;
    const find = () => {
      for (; place < line.frames.length; place++) {
        const { value, isTaken } = line.frames[place]!;
        if (!isTaken && matches(pattern, value, variables)) return true;
      }
      return false;
    };
    await until(line, find, JSON.stringify(pattern));
    line.frames[place]!.isTaken = true;
    return place;
  }

  async function getTicket(person: string, device: string): Promise<string> {
    const body = { deviceId: fill(`\${uuid:${device}}`, variables) };
    const answer = await call("POST /v1/realtime/tickets", person, body);
    const { ticket } = answer.body as { ticket?: string };
    if (ticket === undefined) throw new Error(`no ticket: ${JSON.stringify(answer)}`);
    return ticket;
  }

  async function call(operation: string, person?: string, body?: unknown, headers: Record<string, string> = {}) {
    const [method, path] = (fill(operation, variables) as string).split(" ") as [string, string];
    const token = person === undefined ? undefined : (stage.tokens[person] ?? "");
    const response = await fetch(stage.baseUrl + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(fill(headers, variables) as Record<string, string>),
      },
      ...(body !== undefined && { body: JSON.stringify(fill(body, variables)) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as unknown };
  }
}

class StepFailure extends Error {}

/** The value at a path such as `data.text`. */
function at(value: unknown, path: string): unknown {
  return path.split(".").reduce((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}

async function open({ baseUrl }: Stage, origin?: string): Promise<Line> {
  const socket = new WebSocket(baseUrl.replace(/^http/, "ws") + realtimePath, subProtocol, {
    ...(origin !== undefined && { origin }),
  });
  const line: Line = { socket, frames: [], code: null, fault: null, changed: new Set() };
  const tell = () => {
    for (const look of line.changed) look();
  };
  socket.on("message", (data: Buffer) => {
    const value = JSON.parse(data.toString()) as Record<string, unknown>;
    const { error } = serverFrame.safeParse(value);
    if (error) line.fault ??= new Error(`not a frame of the contract: ${JSON.stringify(value)}\n${error.message}`);
    line.frames.push({ value, isTaken: false });
    tell();
  });
  socket.on("close", (code) => {
    line.code = code;
    tell();
  });
  socket.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("unexpected-response", (_request, response) => reject(new Error(`HTTP ${response.statusCode}`)));
  });
  return line;
}

/** Waits for `isThere`, and for no longer than the connection lasts; `code` is the close that is waited for. */
function until(line: Line, isThere: () => boolean, what: string, code?: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error) => {
      clearTimeout(timer);
      line.changed.delete(look);
      if (error) reject(error);
      else resolve();
    };
    const fail = (why: string) =>
      end(new Error(`${why}: ${what}; received:\n${line.frames.map(({ value }) => JSON.stringify(value)).join("\n")}`));
    const look = () => {
      if (line.fault) end(line.fault);
      else if (isThere() && (code === undefined || line.code === code)) end();
      else if (line.code !== null) fail(`closed with ${line.code} instead of`);
    };
    const timer = setTimeout(() => fail("waited in vain for"), patienceMs);
    line.changed.add(look);
    look();
  });
}

function close({ socket }: Line): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
    socket.close(1000);
  });
}

/** What an upgrade is answered; the connection, if there is one then, is closed at once. */
function upgrade(
  { baseUrl }: Stage,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    request(baseUrl + path, {
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": Buffer.from(randomUUID().slice(0, 16)).toString("base64"),
        ...headers,
      },
    })
      .on("response", (response) => resolve({ status: response.statusCode, headers: response.headers }))
      .on("upgrade", (response, socket) => {
        socket.destroy();
        resolve({ status: 101, headers: response.headers });
      })
      .on("error", reject)
      .end();
  });
}
