/**
 * What a client needs of the protocol at run time. Free of zod, so that the widget can import it
 * (`@presszero/contracts/protocol`) without the schemas.
 */

export const realtimePath = "/v1/realtime";
export const subProtocol = "presszero.v1";
export const protocolVersion = 1;

/** A larger frame of a client closes the connection. */
export const maxFrameBytes = 64 * 1024;
/** Conversations that one connection follows at most. */
export const maxSubscriptions = 200;
/** Events that one fetch asks for at most. */
export const maxFetchedEvents = 200;
/** Conversations that one poll asks about at most. */
export const maxPolledConversations = 100;

/** Limits of a text message: UTF-16 units and UTF-8 bytes. */
export const maxTextLength = 16_000;
export const maxTextBytes = 32 * 1024;

/** Close codes. `terminal`: the client does not reconnect by itself and shows why. */
export const closeCodes = {
  1000: { name: "LOGOUT", terminal: true },
  1001: { name: "PAGE_LEAVING", terminal: true },
  1009: { name: "FRAME_TOO_LARGE", terminal: true },
  1011: { name: "SERVER_ERROR", terminal: false },
  1012: { name: "RESTART", terminal: false },
  1013: { name: "OVERLOADED", terminal: false },
  4400: { name: "BAD_FRAME", terminal: true },
  /** Get one new ticket; if that is refused too, stop. */
  4401: { name: "UNAUTHENTICATED", terminal: false },
  4403: { name: "FORBIDDEN", terminal: true },
  4408: { name: "HELLO_OR_IDLE_TIMEOUT", terminal: false },
  4426: { name: "CLIENT_TOO_OLD", terminal: true },
  4429: { name: "FLOODING", terminal: false },
  4490: { name: "SLOW_CONSUMER", terminal: false },
  4491: { name: "SESSION_REVOKED", terminal: true },
} as const;
export type CloseCode = keyof typeof closeCodes;
