import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(argon2);

/** OWASP's parameters: 19 MiB, two passes. A stored hash carries its own, so these can rise. */
const current = { memory: 19_456, passes: 2, parallelism: 1 };
const tagLength = 32;

/** The argon2id hash as a PHC string. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16);
  const tag = await derive("argon2id", { ...current, message: normalize(password), nonce, tagLength });
  const parameters = `m=${current.memory},t=${current.passes},p=${current.parallelism}`;
  return `$argon2id$v=19$${parameters}$${toBase64(nonce)}$${toBase64(tag)}`;
}

/** Takes the same time for a wrong password as for null, which stands for a person who does not exist. */
export async function isPassword(password: string, phc: string | null): Promise<boolean> {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/.exec(phc ?? "");
  const [, memory, passes, parallelism, nonce, tag] = match ?? [];
  const parameters = match
    ? { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
    : current;
  const given = await derive("argon2id", {
    ...parameters,
    message: normalize(password),
    nonce: nonce ? Buffer.from(nonce, "base64") : Buffer.alloc(16),
    tagLength,
  });
  const expected = tag ? Buffer.from(tag, "base64") : Buffer.alloc(0);
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** The same password typed on two keyboards can be two strings of code points. */
function normalize(password: string): string {
  return password.normalize("NFKC");
}

function toBase64(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
