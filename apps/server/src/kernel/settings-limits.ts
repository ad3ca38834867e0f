import { totalmem } from "node:os";
import type { z } from "zod";
import { setting, text } from "./settings-variable.ts";

/** So many a second over time, and so many at once. */
export type Rate = { perSecond: number; burst: number };

/** What one client, person or address may do. A rate of null is no limit. */
export type Limits = {
  frames: Rate | null;
  agentSends: Rate | null;
  customerSends: Rate | null;
  companySends: Rate | null;
  addressSends: Rate | null;
  hellos: Rate | null;
  hellosInFlight: number;
  connectionsOfUser: number;
  connectionsOfDevice: number;
  connectionsFromAddress: number;
  overload: OverloadLimits;
};

/** Beyond any of these the process takes on nobody new. */
export type OverloadLimits = {
  memoryBytes: number;
  /** How late timers are, as 99 of 100 measurements of a second show; for ten seconds. */
  lagMs: number;
  /** How long a query waits for a connection to the database. */
  poolWaitMs: number;
};

/** Rates of a server that others can reach (delivery contract §6 and §7). */
const usualRates = {
  RATE_FRAMES: "20/60",
  RATE_AGENT_SENDS: "5/20",
  RATE_CUSTOMER_SENDS: "1/10",
  RATE_COMPANY_SENDS: "500/2000",
  RATE_ADDRESS_SENDS: "20/100",
  RATE_HELLOS: "300/300",
};

const usualCounts = {
  MAX_HELLOS_IN_FLIGHT: 200,
  MAX_USER_CONNECTIONS: 10,
  MAX_DEVICE_CONNECTIONS: 5,
  MAX_ADDRESS_CONNECTIONS: 50,
};

/** When a process has enough to do (delivery contract §7). */
const usualOverload = {
  OVERLOAD_MEMORY: Math.floor((0.8 * memoryLimit()) / 1024 ** 2),
  OVERLOAD_LAG: 200,
  OVERLOAD_POOL_WAIT: 2_000,
};

/** What the container allows, or the machine has, in bytes. */
function memoryLimit(): number {
  return Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
}

/** The settings that limit what others may do, and when this process has enough to do. */
export const limitSettings = {
  RATE_FRAMES: rate(usualRates.RATE_FRAMES, "Frames of one realtime connection"),
  RATE_AGENT_SENDS: rate(usualRates.RATE_AGENT_SENDS, "Messages of one agent"),
  RATE_CUSTOMER_SENDS: rate(usualRates.RATE_CUSTOMER_SENDS, "Messages of one customer"),
  RATE_COMPANY_SENDS: rate(usualRates.RATE_COMPANY_SENDS, "Messages of one company"),
  RATE_ADDRESS_SENDS: rate(usualRates.RATE_ADDRESS_SENDS, "Messages of customers behind one address"),
  RATE_HELLOS: rate(usualRates.RATE_HELLOS, "New realtime connections of this process"),
  MAX_HELLOS_IN_FLIGHT: count(
    usualCounts.MAX_HELLOS_IN_FLIGHT,
    "Realtime connections that are being opened at the same moment",
  ),
  MAX_USER_CONNECTIONS: count(usualCounts.MAX_USER_CONNECTIONS, "Realtime connections of one agent"),
  MAX_DEVICE_CONNECTIONS: count(usualCounts.MAX_DEVICE_CONNECTIONS, "Realtime connections of one customer"),
  MAX_ADDRESS_CONNECTIONS: count(
    usualCounts.MAX_ADDRESS_CONNECTIONS,
    "Realtime connections of customers behind one address",
  ),
  OVERLOAD_MEMORY: overload("its memory exceeds so many MiB", "80 % of what the container or machine has", "1600"),
  OVERLOAD_LAG: overload("its timers are so many ms late for ten seconds", "`200`", "200"),
  OVERLOAD_POOL_WAIT: overload("a query waits so many ms for a connection to the database", "`2000`", "2000"),
};

/** A rate as `perSecond/burst`. On a trial, which only this machine can reach, rates are off unless they are set. */
function rate(usual: string, meaning: string) {
  return setting(
    text("must be two numbers such as 5/20 (a second, at once), or off.", (value) =>
      /^(off|[1-9]\d{0,5}\/[1-9]\d{0,6})$/.test(value),
    ).optional(),
    {
      meaning: `${meaning}: a second over time, and at once; or \`off\`.`,
      shown: `\`${usual}\`; \`off\` while \`PUBLIC_URL\` is this machine`,
      example: usual,
    },
  );
}

/** A number of things at once; on a trial without limit, unless it is set. */
function count(usual: number, meaning: string) {
  return setting(
    text("must be a whole number above 0.", (value) => /^[1-9]\d{0,6}$/.test(value))
      .transform(Number)
      .optional(),
    {
      meaning: `${meaning}, at most.`,
      shown: `\`${usual}\`; no limit while \`PUBLIC_URL\` is this machine`,
      example: String(usual),
    },
  );
}

/** A load from which on a process refuses new work; on a trial there is none, unless it is set. */
function overload(condition: string, usual: string, example: string) {
  return setting(
    text("must be a whole number above 0.", (value) => /^[1-9]\d{0,7}$/.test(value))
      .transform(Number)
      .optional(),
    {
      meaning: `A process is not ready for new connections while ${condition}.`,
      shown: `${usual}; no limit while \`PUBLIC_URL\` is this machine`,
      example,
    },
  );
}

type Read = { [N in keyof typeof limitSettings]: z.output<(typeof limitSettings)[N]["schema"]> };

export function readLimits(read: Read, publicUrl: string): Limits {
  const isTrial = ["localhost", "127.0.0.1", "[::1]"].includes(new URL(publicUrl).hostname);
  const rateOf = (name: keyof typeof usualRates): Rate | null => {
    const value = read[name] ?? (isTrial ? "off" : usualRates[name]);
    if (value === "off") return null;
    const [perSecond, burst] = value.split("/").map(Number);
    return { perSecond: perSecond!, burst: burst! };
  };
  const countOf = (name: keyof typeof usualCounts): number =>
    read[name] ?? (isTrial ? Number.POSITIVE_INFINITY : usualCounts[name]);
  const overloadOf = (name: keyof typeof usualOverload): number =>
    read[name] ?? (isTrial ? Number.POSITIVE_INFINITY : usualOverload[name]);
  return {
    frames: rateOf("RATE_FRAMES"),
    agentSends: rateOf("RATE_AGENT_SENDS"),
    customerSends: rateOf("RATE_CUSTOMER_SENDS"),
    companySends: rateOf("RATE_COMPANY_SENDS"),
    addressSends: rateOf("RATE_ADDRESS_SENDS"),
    hellos: rateOf("RATE_HELLOS"),
    hellosInFlight: countOf("MAX_HELLOS_IN_FLIGHT"),
    connectionsOfUser: countOf("MAX_USER_CONNECTIONS"),
    connectionsOfDevice: countOf("MAX_DEVICE_CONNECTIONS"),
    connectionsFromAddress: countOf("MAX_ADDRESS_CONNECTIONS"),
    overload: {
      memoryBytes: overloadOf("OVERLOAD_MEMORY") * 1024 ** 2,
      lagMs: overloadOf("OVERLOAD_LAG"),
      poolWaitMs: overloadOf("OVERLOAD_POOL_WAIT"),
    },
  };
}
