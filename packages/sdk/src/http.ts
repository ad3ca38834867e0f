import type { Api, ErrorCode, Problem } from "@presszero/contracts";

const timeoutMs = 15_000;

/** A refused or failed call. `retry`: the same call, with the same client id, may succeed later. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly retry: boolean;
  readonly retryAfterMs: number | null;
  readonly details: Record<string, unknown>;

  constructor(problem: Pick<Problem, "code" | "retry" | "retryAfterMs" | "details"> & { title?: string }) {
    super(problem.title ?? problem.code);
    this.code = problem.code;
    this.retry = problem.retry;
    this.retryAfterMs = problem.retryAfterMs ?? null;
    this.details = problem.details ?? {};
  }
}

export type ApiOptions = {
  /** Origin of the server, such as `https://chat.example`. In a browser "" means the page's own. */
  baseUrl: string;
  /** A session token, guest token or API key. Without one the browser's cookie of the same origin is used. */
  token?: string | (() => string | null);
  fetch?: typeof globalThis.fetch;
};

type Field<Name extends string, T> = [T] extends [undefined]
  ? unknown
  : Record<never, never> extends T
    ? { [N in Name]?: T }
    : { [N in Name]: T };

/**
 * What a call takes. `clientId` (a UUID) goes out as `Idempotency-Key`: repeated with the same one, a write happens once;
 * with a `deviceId`, also when this device sends it over its socket.
 */
export type ApiInput<K extends keyof Api> = Field<"params", Api[K]["params"]> &
  Field<"query", Api[K]["query"]> &
  Field<"body", Api[K]["body"]> &
  (Api[K]["idempotent"] extends true ? { clientId: string; deviceId?: string } : unknown) & {
    signal?: AbortSignal;
    /** Without an answer in this time the call fails; 15 s unless given. */
    timeoutMs?: number;
  };

export type ApiOutput<K extends keyof Api> = Api[K]["response"];

type Args<K extends keyof Api> =
  Record<never, never> extends ApiInput<K> ? [input?: ApiInput<K>] : [input: ApiInput<K>];

/** Calls an operation by its `METHOD /path`. Throws `ApiError`; an aborted `signal` throws its own reason. */
export type ApiClient = <K extends keyof Api>(key: K, ...args: Args<K>) => Promise<ApiOutput<K>>;

/** Fields of an input without their names' types, which the call's own type has checked. */
type LooseInput = {
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  clientId?: string;
  deviceId?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
};

export function createApi(options: ApiOptions): ApiClient {
  const baseUrl = options.baseUrl.replace(/\/+$/, "");

  return async <K extends keyof Api>(key: K, ...args: Args<K>) => {
    const input: LooseInput = args[0] ?? {};
    const separator = key.indexOf(" ");
    const token = typeof options.token === "function" ? options.token() : (options.token ?? null);
    const headers: Record<string, string> = { accept: "application/json" };
    if (token !== null) headers["authorization"] = `Bearer ${token}`;
    if (input.body !== undefined) headers["content-type"] = "application/json";
    if (input.clientId !== undefined) headers["idempotency-key"] = input.clientId;
    if (input.deviceId !== undefined) headers["device-id"] = input.deviceId;

    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), input.timeoutMs ?? timeoutMs);
    const onAbort = () => abort.abort(input.signal?.reason);
    input.signal?.addEventListener("abort", onAbort);
    if (input.signal?.aborted) onAbort();
    try {
      const response = await (options.fetch ?? globalThis.fetch)(baseUrl + pathOf(key.slice(separator + 1), input), {
        method: key.slice(0, separator),
        headers,
        body: input.body === undefined ? undefined : JSON.stringify(input.body),
        credentials: token === null ? "same-origin" : "omit",
        signal: abort.signal,
      });
      const text = await response.text();
      if (!response.ok) throw new ApiError(problemOf(response, text));
      return (text === "" ? undefined : JSON.parse(text)) as ApiOutput<K>;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      if (input.signal?.aborted) throw error;
      throw new ApiError({ code: "UNAVAILABLE", retry: true, title: "The server could not be reached." });
    } finally {
      clearTimeout(timer);
      input.signal?.removeEventListener("abort", onAbort);
    }
  };
}

function pathOf(path: string, input: LooseInput): string {
  const filled = path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(input.params?.[name] ?? ""));
  const query = Object.entries(input.query ?? {}).filter(([, value]) => value !== undefined);
  if (query.length === 0) return filled;
  return `${filled}?${query.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
}

/** An answer that is no problem document comes from something between us and the server, such as a proxy. */
function problemOf(
  response: Response,
  text: string,
): Pick<Problem, "code" | "retry" | "retryAfterMs" | "details"> & { title?: string } {
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    try {
      return JSON.parse(text) as Problem;
    } catch {
      // Cut off on the way: treated like any other foreign answer below.
    }
  }
  const seconds = Number(response.headers.get("retry-after"));
  return {
    code: response.status === 429 ? "RATE_LIMITED" : "UNAVAILABLE",
    retry: true,
    retryAfterMs: seconds > 0 ? seconds * 1000 : undefined,
    title: `Unexpected answer ${response.status}`,
  };
}
