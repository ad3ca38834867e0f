import { countAnswer, type Metrics } from "../../kernel/metrics.ts";
import type { Groups } from "./groups.ts";
import type { Session, SessionEffect, SessionInput } from "./session.ts";

/** Counts what the session of one connection decides: called with each effect, after it was carried out. */
export function countEffects(metrics: Metrics, groups: Groups, session: Session) {
  /** Without an epoch it is a client's first time. */
  let isReturning = false;
  let resume: "ok" | "partial" | "reset" | null = null;

  return (input: SessionInput, effect: SessionEffect): void => {
    switch (effect.type) {
      case "sendEvent":
        // With marks it is a replay.
        if (effect.marks === null) groups.sent(effect.event, effect.side);
        return;
      case "send":
        if (effect.frame.type === "error") {
          const { code, details } = effect.frame;
          countAnswer(metrics, code, "socket");
          if (code === "RATE_LIMITED") countLimit(input, details?.limit);
        } else if (effect.frame.type === "gap") {
          metrics.gaps.inc();
          if (resume === "ok") resume = "partial";
        }
        return;
      case "redeem":
        isReturning = session.hello!.epoch !== null;
        return;
      case "sendWelcome":
        if (isReturning) resume = effect.frame.resume;
        return;
      case "arrived":
        if (resume !== null) metrics.resumes.inc({ result: resume });
        resume = null;
        return;
      case "close":
        if (effect.code === 4403) metrics.authzDenied.inc({ route: "socket" });
        if (effect.code === 4429 && input.type === "frame") metrics.rateLimited.inc({ limit: "frames" });
        if (effect.code === 4490) metrics.slowConsumers.inc();
        return;
      default:
    }
  };

  /** Limits of sends are counted where they are kept. */
  function countLimit(input: SessionInput, limit: unknown): void {
    if (typeof limit === "string") metrics.rateLimited.inc({ limit });
    else if (limit !== undefined) metrics.rateLimited.inc({ limit: "subscriptions" });
    else if (input.type === "frame") metrics.rateLimited.inc({ limit: "frames" });
  }
}
