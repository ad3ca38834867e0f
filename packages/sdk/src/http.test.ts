import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { conversationIdOf } from "../test/lane.ts";
import { ApiError, createApi } from "./http.ts";

let stop = () => {};
afterEach(() => stop());

type Seen = { method: string; url: string; headers: IncomingMessage["headers"]; body: string };

/** A server that records what it gets and answers as told. */
async function serve(answer: (response: ServerResponse) => void): Promise<{ baseUrl: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, seen };
}

async function errorOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ApiError)) throw new Error("expected an ApiError", { cause: error });
  return error;
}

const problem =
  (status: number, body: string, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status, { "content-type": "application/problem+json", ...headers }).end(body);

test("fills path, query, body, token and idempotency key", async () => {
  const { baseUrl, seen } = await serve((response) => response.end(JSON.stringify({ ok: true })));
  const api = createApi({ baseUrl, token: () => "secret" });
  const params = { conversationId: conversationIdOf(1) };
  await api("POST /v1/conversations/:conversationId/messages", {
    params,
    body: { kind: "note", text: "hi" },
    clientId: "id-1",
  });
  await api("GET /v1/conversations/:conversationId/events", { params, query: { before: 7, limit: undefined } });
  await api("GET /v1/widgets/:widgetKey", { params: { widgetKey: "a/b?c" } });
  expect(seen[0]).toMatchObject({
    method: "POST",
    url: `/v1/conversations/${params.conversationId}/messages`,
    body: `{"kind":"note","text":"hi"}`,
    headers: { authorization: "Bearer secret", "idempotency-key": "id-1", "content-type": "application/json" },
  });
  expect(seen[1]!.url).toBe(`/v1/conversations/${params.conversationId}/events?before=7`);
  expect(seen[1]!.headers).not.toHaveProperty("content-type");
  expect(seen[2]!.url).toBe("/v1/widgets/a%2Fb%3Fc");
});

test("answers undefined for an empty answer", async () => {
  const { baseUrl } = await serve((response) => response.writeHead(204).end());
  expect(await createApi({ baseUrl })("DELETE /v1/sessions/current")).toBeUndefined();
});

test("a problem document becomes an ApiError", async () => {
  const body = {
    type: "about:blank",
    title: "Slow down",
    status: 429,
    code: "RATE_LIMITED",
    retry: true,
    retryAfterMs: 1200,
    details: { scope: "send" },
  };
  const { baseUrl } = await serve(problem(429, JSON.stringify(body)));
  expect(await errorOf(createApi({ baseUrl })("GET /v1/me"))).toMatchObject({
    code: "RATE_LIMITED",
    retry: true,
    retryAfterMs: 1200,
    details: { scope: "send" },
    message: "Slow down",
  });
});

test("an answer of something else on the way may be tried again", async () => {
  const { baseUrl } = await serve((response) =>
    response.writeHead(502, { "retry-after": "3" }).end("<h1>Bad gateway</h1>"),
  );
  expect(await errorOf(createApi({ baseUrl })("GET /v1/me"))).toMatchObject({
    code: "UNAVAILABLE",
    retry: true,
    retryAfterMs: 3000,
  });
});

test.each([
  ["a problem document that was cut off", problem(500, `{"code":`)],
  ["a page instead of an answer", (response: ServerResponse) => response.end("<html>")],
  ["a line that breaks", (response: ServerResponse) => response.destroy()],
])("%s is UNAVAILABLE", async (_, answer) => {
  const { baseUrl } = await serve(answer);
  expect(await errorOf(createApi({ baseUrl })("GET /v1/me"))).toMatchObject({ code: "UNAVAILABLE", retry: true });
});

test("a caller who gives up gets its own reason", async () => {
  const { baseUrl } = await serve(() => {});
  const abort = new AbortController();
  const call = createApi({ baseUrl })("GET /v1/me", { signal: abort.signal });
  abort.abort(new Error("left the page"));
  await expect(call).rejects.toThrow("left the page");
  await expect(createApi({ baseUrl })("GET /v1/me", { signal: abort.signal })).rejects.toThrow("left the page");
});
