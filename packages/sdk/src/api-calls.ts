import type { Answer, Call, CallProblem, ListQuery } from "./engine.ts";
import { ApiError, type ApiClient } from "./http.ts";
import type { Side } from "./types.ts";

const listLimit = 50;

/** Makes a call of the engine. Throws `ApiError`. */
export async function makeCall(api: ApiClient, side: Side, deviceId: string, call: Call): Promise<Answer> {
  switch (call.op) {
    case "ticket": {
      const { ticket } = await api("POST /v1/realtime/tickets", { body: { deviceId } });
      return { op: "ticket", ticket };
    }
    case "list":
      return { op: "list", ...(await getList(api, side, call.query, call.cursor)) };
    case "summary": {
      const input = { params: { conversationId: call.conversationId } };
      const summary =
        side === "contact"
          ? await api("GET /v1/my/conversations/:conversationId", input)
          : await api("GET /v1/conversations/:conversationId", input);
      return { op: "summary", summary };
    }
    case "events": {
      return { op: "events", page: await getEvents(api, side, call.conversationId, { before: call.before }) };
    }
  }
}

/** A page of a conversation's events, in the lane of this side. Throws `ApiError`. */
export function getEvents(
  api: ApiClient,
  side: Side,
  conversationId: string,
  query: { after?: number; before?: number; limit?: number },
) {
  const input = { params: { conversationId }, query };
  if (side === "contact") return api("GET /v1/my/conversations/:conversationId/events", input);
  return api("GET /v1/conversations/:conversationId/events", input);
}

function getList(api: ApiClient, side: Side, query: ListQuery, cursor: string | undefined) {
  const page = { cursor, limit: listLimit };
  if (side === "contact") return api("GET /v1/my/conversations", { query: page });
  return api("GET /v1/conversations", { query: { ...query, ...page } });
}

export function problemOf({ code, retry, retryAfterMs, details, message }: ApiError): CallProblem {
  return { code, retry, retryAfterMs, title: message, details };
}

export function errorOf({ retryAfterMs, ...problem }: CallProblem): ApiError {
  return new ApiError({ ...problem, retryAfterMs: retryAfterMs ?? undefined });
}
