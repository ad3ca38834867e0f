import { randomUUIDv7 } from "node:crypto";
import { type Id, type IdKind, idPrefixes } from "@presszero/contracts";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** A new id such as `cnv_…`: a UUIDv7 in Crockford base32, so ids sort by time of creation. */
export function newId<K extends IdKind>(kind: K): Id<K> {
  const hex = randomUUIDv7().replaceAll("-", "");
  let text = "";
  let buffer = 0;
  let bits = 2; // 26 characters hold 130 bits: the first carries two leading zeros
  for (let i = 0; i < 32; i++) {
    buffer = (buffer << 4) | Number.parseInt(hex[i]!, 16);
    bits += 4;
    if (bits >= 5) {
      bits -= 5;
      text += alphabet[(buffer >> bits) & 31];
      buffer &= (1 << bits) - 1;
    }
  }
  return `${idPrefixes[kind]}_${text}` as Id<K>;
}
