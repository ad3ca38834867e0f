import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type Proxy, startProxy } from "./proxy.ts";
import { createRandom } from "./random.ts";

const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Line = { client: Socket; server: Socket; atServer: () => string; atClient: () => string };

function collect(socket: Socket): () => string {
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

async function startLine(): Promise<Line & { proxy: Proxy; next: () => Promise<Line> }> {
  const target = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(target, "listening");
  const { port } = target.address() as { port: number };
  const proxy = await startProxy({ target: port, random: createRandom(1) });
  const sockets: Socket[] = [];
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await proxy.close();
    target.close();
  });
  const next = async () => {
    const arrived = once(target, "connection") as Promise<[Socket]>;
    const client = connect({ port: proxy.port, host: "127.0.0.1", localAddress: "127.7.7.7" });
    const [server] = await arrived;
    sockets.push(client, server);
    return { client, server, atServer: collect(server), atClient: collect(client) };
  };
  return { ...(await next()), proxy, next };
}

/** A reset counts as well as an end. */
const closeOf = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 100));

describe("a faulty line", () => {
  it("passes both ways, from the address of the client, and passes on the end", async () => {
    const { client, server, atServer, atClient } = await startLine();
    expect(server.remoteAddress).toBe("127.7.7.7");
    client.write("up");
    server.write("down");
    await until(() => atServer() === "up" && atClient() === "down");
    client.end("last");
    await once(server, "end");
    expect(atServer()).toBe("uplast");
    server.end("words");
    await closeOf(client);
    expect(atClient()).toBe("downwords");
  });

  it("holds everything back while it is silent, and delivers it when it heals", async () => {
    const { client, server, atServer, atClient, proxy } = await startLine();
    proxy.set({ kind: "blackhole" });
    client.write("up");
    server.write("down");
    await aMoment();
    expect([atServer(), atClient()]).toEqual(["", ""]);
    proxy.set({ kind: "pass" });
    await until(() => atServer() === "up" && atClient() === "down");
  });

  it("hides the end of the other side while it is silent", async () => {
    const { client, server, proxy } = await startLine();
    let isClosed = false;
    client.on("close", () => (isClosed = true));
    proxy.set({ kind: "blackhole" });
    server.resetAndDestroy();
    await aMoment();
    expect(isClosed).toBe(false);
    proxy.set({ kind: "pass" });
    await until(() => isClosed);
  });

  it.each(["up", "down"] as const)("drops one way only: %s", async (drop) => {
    const { client, server, atServer, atClient, proxy } = await startLine();
    proxy.set({ kind: "oneway", drop });
    client.write("a");
    server.write("b");
    await until(() => (drop === "up" ? atClient() === "b" : atServer() === "a"));
    await aMoment();
    expect(drop === "up" ? atServer() : atClient()).toBe("");
  });

  it("takes new connections while it is silent and serves them when it heals", async () => {
    const { proxy, next } = await startLine();
    proxy.set({ kind: "blackhole" });
    const late = next();
    await aMoment();
    proxy.set({ kind: "pass" });
    const { client, atServer } = await late;
    client.write("late");
    await until(() => atServer() !== "");
    expect(atServer()).toBe("late");
  });

  it("keeps the order of bytes under latency with jitter", async () => {
    const { client, atServer, proxy } = await startLine();
    proxy.set({ kind: "latency", ms: 5, jitter: 40 });
    const parts = Array.from({ length: 40 }, (_, index) => `${index};`);
    for (const part of parts) {
      client.write(part);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => atServer().length === parts.join("").length);
    expect(atServer()).toBe(parts.join(""));
  });

  it("is never faster than its rate", async () => {
    const { client, atServer, proxy } = await startLine();
    proxy.set({ kind: "rate", bytesPerSecond: 2000, only: "up" });
    const began = performance.now();
    client.write("x".repeat(600));
    await until(() => atServer().length === 600);
    expect(performance.now() - began).toBeGreaterThan(200);
  });

  it("delivers slowly what was sent before the end", async () => {
    const { client, server, atClient, proxy } = await startLine();
    proxy.set({ kind: "rate", bytesPerSecond: 2000, only: "down" });
    client.end();
    server.end("y".repeat(400));
    await closeOf(client);
    expect(atClient()).toBe("y".repeat(400));
  });

  it("resets what is open and what is opened", async () => {
    const { client, proxy } = await startLine();
    const reset = closeOf(client);
    proxy.set({ kind: "rst" });
    await reset;
    const late = connect({ port: proxy.port, host: "127.0.0.1" });
    const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
    expect(proxy.connections()).toBe(0);
  });

  it("cuts open connections once", async () => {
    const { client, proxy, next } = await startLine();
    const reset = closeOf(client);
    proxy.cut();
    await reset;
    const { client: other, atServer } = await next();
    other.write("here");
    await until(() => atServer() !== "");
    expect(atServer()).toBe("here");
  });

  it("breaks off in the middle", async () => {
    const { client, server, atServer, proxy } = await startLine();
    proxy.set({ kind: "truncate", bytes: 10, only: "up" });
    const closed = closeOf(server);
    client.write("0123456789abcdef");
    await closed;
    expect("0123456789".startsWith(atServer())).toBe(true);
    expect(atServer()).not.toContain("a");
  });
});
