import ipaddr from "ipaddr.js";

/** The network of an address: enough to prove a consent by, too little to find a person by. */
export function truncateAddress(ip: string): string {
  if (!ipaddr.isValid(ip)) return "unknown";
  const address = ipaddr.process(ip);
  if (address instanceof ipaddr.IPv4) return `${address.octets.slice(0, 3).join(".")}.0/24`;
  return `${address.parts
    .slice(0, 3)
    .map((part) => part.toString(16))
    .join(":")}::/48`;
}
