import { maxFrameBytes, maxSubscriptions, maxTextLength } from "@presszero/contracts";
import { fullBucket, take } from "../../../kernel/rate.ts";
import type { Session } from "./types.ts";

/** Limits of a connection; the welcome tells them to the client. */
export const limits = { frameBytes: maxFrameBytes, textLength: maxTextLength, subscriptions: maxSubscriptions };

/** Excess within one second is one strike; so many strikes within a minute are a flood. */
const strikeMs = 1_000;
const strikesOfFlood = 3;
const strikeMemoryMs = 60_000;

/** How long the client has to wait with the next frame, zero if it need not; "flood" when it was asked to in vain. */
export function limitFrame(session: Pick<Session, "frameRate" | "frames">, now: number): number | "flood" {
  const rate = session.frameRate;
  if (!rate) return 0;
  const frames = (session.frames ??= { bucket: fullBucket(rate, now), strikes: [] });
  const taken = take(frames.bucket, rate, now);
  frames.bucket = taken.bucket;
  if (taken.waitMs === 0) return 0;
  frames.strikes = frames.strikes.filter((strike) => now - strike < strikeMemoryMs);
  if (frames.strikes.length === 0 || now - frames.strikes.at(-1)! >= strikeMs) frames.strikes.push(now);
  return frames.strikes.length >= strikesOfFlood ? "flood" : taken.waitMs;
}
