import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { Agent, fetch, type Headers, type RequestInit } from "undici";
import type { Settings } from "./settings.ts";

const timeoutMs = 10_000;
const maxBodyBytes = 1024 * 1024;
/** The only part of IPv6 that is handed out for public use. */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

export type EgressResponse = { status: number; headers: Headers; body: Buffer };

/** `refused`: the address is not one we call. The message names no address, since a customer may have chosen the host. */
class EgressError extends Error {
  readonly reason: "refused" | "timeout" | "too_large" | "failed";

  constructor(reason: EgressError["reason"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "EgressError";
    this.reason = reason;
  }
}

/**
 * The only way out over HTTP. The name is resolved once, every address it has must be public, and the connection goes to
 * an address that was checked. Ports 80 and 443 only; redirects are not followed but returned; 10 s and 1 MiB (inflated)
 * at most. Hosts in EGRESS_ALLOW are exempt from the rules on addresses and ports. Throws `EgressError`.
 */
export async function egressFetch(
  settings: Pick<Settings, "egressAllow">,
  address: string,
  init: Pick<RequestInit, "method" | "headers" | "body"> = {},
): Promise<EgressResponse> {
  const url = parseUrl(address);
  const signal = AbortSignal.timeout(timeoutMs);
  let agent: Agent | undefined;
  try {
    const pinned = await Promise.race([resolveChecked(url, settings.egressAllow), rejectOn(signal)]);
    agent = new Agent({
      connect: {
        timeout: timeoutMs,
        lookup: (_host, options, callback) =>
          options.all ? callback(null, [pinned]) : callback(null, pinned.address, pinned.family),
      },
    });
    const { method, headers, body } = init;
    const response = await fetch(url, { method, headers, body, redirect: "manual", signal, dispatcher: agent });
    return { status: response.status, headers: response.headers, body: await readBody(response.body) };
  } catch (error) {
    if (error instanceof EgressError) throw error;
    if (signal.aborted) throw new EgressError("timeout", `no complete answer within ${timeoutMs / 1000} s`, error);
    throw new EgressError("failed", "the call failed", error);
  } finally {
    await agent?.destroy();
  }
}

function parseUrl(address: string): URL {
  const url = URL.parse(address);
  if (!url || !["http:", "https:"].includes(url.protocol)) {
    throw new EgressError("refused", "the address must start with http:// or https://");
  }
  if (url.username || url.password)
    throw new EgressError("refused", "the address must not hold a user name or password");
  return url;
}

async function resolveChecked(url: URL, allowed: readonly string[]): Promise<{ address: string; family: number }> {
  const name = url.hostname.replace(/\.$/, "");
  const host = name.replace(/^\[|\]$/g, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const isExempt = allowed.some((one) => one === name || one === `${name}:${port}`);
  if (!isExempt && !["80", "443"].includes(port))
    throw new EgressError("refused", "only the ports 80 and 443 may be called");
  const family = isIP(host);
  const addresses = family ? [{ address: host, family }] : await lookup(host, { all: true });
  if (!isExempt && !addresses.every((one) => isPublicAddress(one.address))) {
    throw new EgressError("refused", "the host is not on the public internet");
  }
  return addresses[0]!;
}

/** False for everything private, local, reserved, or a wrapping of IPv4 in IPv6. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  return parsed.kind() === "ipv4" || (parsed as ipaddr.IPv6).match(globalUnicast);
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}

async function readBody(body: AsyncIterable<Uint8Array> | null): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > maxBodyBytes) throw new EgressError("too_large", "the answer is larger than 1 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
