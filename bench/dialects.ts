// What the load generator says to each kind of server, and how it recognises what comes back.
import { realtimePath, subProtocol } from "@presszero/contracts/protocol";

export type DialectName = "product" | "echo" | "socketio" | "xmpp";

export type Greeting = { say: string | null; isReady: boolean };

export type Dialect = {
  protocol: string | null;
  path(login: string): string;
  /** Said as soon as the socket is open; null waits for the server. */
  hello(login: string): string | null;
  /** An answer to what came before the connection was ready; `turn` counts those frames from 0. */
  greet(login: string, text: string, turn: number): Greeting;
  /** A message from one end of a pair to the other; holds an empty marker and, where the protocol has them, ids. */
  message(pair: { conversationId: string; to: string }): string;
  /** The server confirms that a message is stored, apart from delivering it. */
  confirms: boolean;
};

/** Key (pair and number), direction, and the intended time of sending in ms. */
const keyDigits = 12;
const timeDigits = 13;
const emptyMarker = `#${"0".repeat(keyDigits + 1 + timeDigits)}#`;
const pairBase = 10_000;
const numbersPerPair = 10_000_000;
/** With the marker as long as a usual sentence of a chat. */
const padding = "hello order delivery refund please thanks invoice account password reset shipping address product";
const messageText = `${emptyMarker} ${padding}`;
const waits: Greeting = { say: null, isReady: false };
const ready: Greeting = { say: null, isReady: true };

export const dialects: Record<DialectName, Dialect> = {
  // The login is the hello frame. Ready when every conversation of it is replayed.
  product: {
    protocol: subProtocol,
    path: () => realtimePath,
    hello: (login) => login,
    greet(login, text) {
      const frame = JSON.parse(text) as { type: string };
      if (["error", "gone"].includes(frame.type)) throw new Error(`the hello was answered with ${text}`);
      const { subscriptions } = JSON.parse(login) as { subscriptions: { conversationId: string }[] };
      const last = subscriptions.at(-1);
      if (!last) return frame.type === "welcome" ? ready : waits;
      return frame.type === "synced" && text.includes(last.conversationId) ? ready : waits;
    },
    message: ({ conversationId }) =>
      JSON.stringify({
        type: "send",
        id: pairBase * numbersPerPair,
        conversationId,
        clientId: "00000000-0000-4000-8000-000000000000",
        message: { kind: "text", text: messageText },
      }),
    confirms: true,
  },
  echo: {
    protocol: null,
    path: () => "/",
    hello: () => "hello",
    greet: () => ready,
    message: () => messageText,
    confirms: false,
  },
  // The login is the number of the user.
  socketio: {
    protocol: null,
    path: (login) => `/socket.io/?EIO=4&transport=websocket&user=${login}`,
    hello: () => null,
    greet: (_login, text) =>
      text.startsWith("0") ? { say: "40", isReady: false } : text.startsWith("40") ? ready : waits,
    message: ({ to, conversationId }) =>
      `42${JSON.stringify(["chat message", { to: Number(to), conversation: conversationId, body: messageText }])}`,
    confirms: false,
  },
  // The login is the user's name; every password is "p".
  xmpp: {
    protocol: "xmpp",
    path: () => "/ws",
    hello: () => xmppOpen,
    greet(login, text, turn) {
      if (text.includes("<failure")) throw new Error(`the login was answered with ${text}`);
      if (text.includes("<success")) return { say: xmppOpen, isReady: false };
      if (text.includes("urn:ietf:params:xml:ns:xmpp-bind") && text.includes("features")) {
        return {
          say: "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>",
          isReady: false,
        };
      }
      if (text.includes("features") && turn < 3) {
        const secret = Buffer.from(`\0${login}\0p`).toString("base64");
        return {
          say: `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`,
          isReady: false,
        };
      }
      if (text.includes("type='result'")) return { say: "<presence xmlns='jabber:client'/>", isReady: true };
      return waits;
    },
    message: ({ to }) =>
      `<message xmlns='jabber:client' type='chat' to='${to}@localhost/r' id='m'><body>${messageText}</body></message>`,
    confirms: false,
  },
};

const xmppOpen = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";

export function messageKey(pair: number, number: number): string {
  return String((pairBase + pair) * numbersPerPair + number);
}

function splitKey(key: number): { pair: number; number: number } {
  return { pair: Math.floor(key / numbersPerPair) - pairBase, number: key % numbersPerPair };
}

/** Answers copies of a precomputed frame with key, direction and time filled in. */
export function createFrameMaker(template: Buffer): (key: string, direction: 0 | 1, sentAt: number) => Buffer {
  const markerAt = template.indexOf("#") + 1;
  const idAt = placeAfter(template, '"id":');
  const clientIdAt = placeAfter(template, '"clientId":"');
  return (key, direction, sentAt) => {
    const frame = Buffer.from(template);
    const time = sentAt.toFixed(3).padStart(timeDigits, "0");
    frame.write(`${key}${direction}${time}`, markerAt, "latin1");
    if (idAt !== null) frame.write(key, idAt, "latin1");
    // The last twelve digits of the UUID.
    if (clientIdAt !== null) frame.write(key, clientIdAt + 24, "latin1");
    return frame;
  };
}

function placeAfter(template: Buffer, what: string): number | null {
  const at = template.indexOf(what);
  return at < 0 ? null : at + what.length;
}

export type Read =
  | { type: "confirmed"; pair: number; number: number }
  | { type: "message"; pair: number; number: number; direction: 0 | 1; sentAt: number; seq: number | null }
  | { type: "error"; text: string }
  | null;

const okStart = '{"type":"ok","id":'.length;
const seqStart = '{"type":"event","conversationId":"cnv_00000000000000000000000000","seq":'.length;
const [letterO, letterV, letterR] = ["o", "v", "r"].map((letter) => letter.charCodeAt(0));

/** What a frame of a connection in use means; null when it is of no interest. */
export function readFrame(name: DialectName, data: Buffer, start: number, end: number): Read {
  const isProduct = name === "product";
  if (isProduct) {
    // {"type":"ok"…, {"type":"event"…, {"type":"error"…: told by two letters.
    if (data[start + 9] === letterO) {
      return {
        type: "confirmed",
        ...splitKey(Number(data.toString("latin1", start + okStart, start + okStart + keyDigits))),
      };
    }
    if (data[start + 10] === letterR && data[start + 11] === letterR) {
      return { type: "error", text: data.toString("utf8", start, end) };
    }
    if (data[start + 10] !== letterV) return null;
  }
  const marker = data.indexOf("#", start);
  if (marker < 0 || marker >= end) return null;
  const key = splitKey(Number(data.toString("latin1", marker + 1, marker + 1 + keyDigits)));
  const direction = data[marker + 1 + keyDigits] === 49 ? 1 : 0;
  const timeAt = marker + 2 + keyDigits;
  const sentAt = Number(data.toString("latin1", timeAt, timeAt + timeDigits));
  return { type: "message", ...key, direction, sentAt, seq: isProduct ? readNumber(data, start + seqStart) : null };
}

function readNumber(data: Buffer, at: number): number {
  let value = 0;
  for (let digit = data[at]! - 48; digit >= 0 && digit <= 9; digit = data[++at]! - 48) value = value * 10 + digit;
  return value;
}
