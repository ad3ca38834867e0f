import {
  maxFetchedEvents,
  maxFrameBytes,
  maxPolledConversations,
  maxSubscriptions,
  maxTextBytes,
  maxTextLength,
} from "./constants.ts";
import type { RuleId } from "./rules.ts";

export type ProtocolLimit = {
  what: string;
  limit: string;
  /** What a client gets beyond it. */
  answer: string;
  rule: RuleId;
  /** The setting that changes it, with its default, as in docs/settings.md. */
  setting?: { name: string; default: string };
};

const count = new Intl.NumberFormat("en");
const kib = (bytes: number) => `${bytes / 1024} KiB`;
const rate = (name: string, perSecond: number, burst: number) => ({
  limit: `${perSecond} a second, ${burst} at once`,
  setting: { name, default: `${perSecond}/${burst}` },
});
const number = (name: string, most: number) => ({
  limit: count.format(most),
  setting: { name, default: String(most) },
});

/** Every limit that a client of the protocol can reach, as docs/protocol.md prints them. Free of zod. */
export const protocolLimits: readonly ProtocolLimit[] = [
  { what: "frame of a client", limit: kib(maxFrameBytes), answer: "close 1009", rule: "LM1" },
  {
    what: "text of a message",
    limit: `${count.format(maxTextLength)} UTF-16 units and ${kib(maxTextBytes)} of UTF-8`,
    answer: "`VALIDATION`",
    rule: "LM2",
  },
  {
    what: "conversations that a connection follows",
    limit: String(maxSubscriptions),
    answer: "`RATE_LIMITED`",
    rule: "LM3",
  },
  { what: "events in one `fetch`", limit: String(maxFetchedEvents), answer: "`VALIDATION`", rule: "LM6" },
  {
    what: "missed events, of a conversation and of a resume",
    limit: "200 and 1,000",
    answer: "`gap` and the latest 50",
    rule: "LM5",
  },
  {
    what: "conversations that changed since a feed cursor",
    limit: "500",
    answer: '`resume: "reset"`',
    rule: "LM7",
  },
  { what: "frames of a connection", ...rate("RATE_FRAMES", 20, 60), answer: "`RATE_LIMITED`, then 4429", rule: "BP5" },
  { what: "messages of an agent", ...rate("RATE_AGENT_SENDS", 5, 20), answer: "`RATE_LIMITED`", rule: "BP6" },
  { what: "messages of a customer", ...rate("RATE_CUSTOMER_SENDS", 1, 10), answer: "`RATE_LIMITED`", rule: "BP6" },
  {
    what: "messages of customers behind one address",
    ...rate("RATE_ADDRESS_SENDS", 20, 100),
    answer: "`RATE_LIMITED`",
    rule: "BP6",
  },
  { what: "messages of a company", ...rate("RATE_COMPANY_SENDS", 500, 2000), answer: "`RATE_LIMITED`", rule: "BP6" },
  {
    what: "connections of an agent",
    ...number("MAX_USER_CONNECTIONS", 10),
    answer: "`RATE_LIMITED`, close 4429",
    rule: "LM4",
  },
  {
    what: "connections of a customer's device",
    ...number("MAX_DEVICE_CONNECTIONS", 5),
    answer: "`RATE_LIMITED`, close 4429",
    rule: "LM4",
  },
  {
    what: "connections of customers behind one address",
    ...number("MAX_ADDRESS_CONNECTIONS", 50),
    answer: "`RATE_LIMITED`, close 4429",
    rule: "LM4",
  },
  {
    what: "hellos of a process",
    ...rate("RATE_HELLOS", 300, 300),
    answer: "503 with `Retry-After`",
    rule: "KA6",
  },
  {
    what: "hellos of a process at the same moment",
    ...number("MAX_HELLOS_IN_FLIGHT", 200),
    answer: "503 with `Retry-After`",
    rule: "KA6",
  },
  {
    what: "conversations in one `GET /v1/events`",
    limit: String(maxPolledConversations),
    answer: "`VALIDATION`",
    rule: "LM11",
  },
  { what: "nesting of JSON", limit: "20 levels", answer: "`TOO_LARGE`", rule: "LM9" },
  { what: "keys and elements of a frame", limit: "1,000", answer: "`TOO_LARGE`", rule: "LM9" },
  { what: "`page` of the server", limit: "256 KiB", answer: "`more: true`, ask for the rest", rule: "LM10" },
  { what: "HTTP body", limit: "1 MiB; 8 KiB where people sign in", answer: "`TOO_LARGE`", rule: "LM8" },
];
