import { closeCodes, type ErrorCode, errorCodes } from "@presszero/contracts";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** For what usually takes less than a request. */
const fineSeconds = [0.001, 0.0025, ...seconds];

export type Metrics = ReturnType<typeof createMetrics>;

/** Close codes that browsers and networks make; any other number is one that a client made up. */
const foreignCloseCodes = new Set([1002, 1003, 1005, 1006, 1007, 1008, 1010]);

/** The label of a close code: clients may choose numbers, so those that nobody knows are one. */
export function closeLabel(code: number): string {
  return code in closeCodes || foreignCloseCodes.has(code) ? String(code) : "other";
}

/** Counts an error that somebody was answered, where it says something about us. `route` is a pattern, or `socket`. */
export function countAnswer(metrics: Metrics, code: ErrorCode, route: string): void {
  if (code === "FORBIDDEN" || code === "ORIGIN_NOT_ALLOWED") metrics.authzDenied.inc({ route });
  if (code === "UNKNOWN_RETRY") metrics.unknownRetries.inc();
  if (route === "socket") metrics.wsErrors.inc({ code });
}

/**
 * The metrics of this process, in a registry of their own; docs/operations.md lists them. Labels hold names from closed
 * lists (route patterns, close codes, consumers), never ids or anything a caller chooses. `ofProcess` adds memory,
 * processor time and garbage collection; tests, which make many of these, leave it out.
 */
export function createMetrics({ ofProcess }: { ofProcess: boolean } = { ofProcess: true }) {
  const registry = new Registry();
  const registers = [registry];
  if (ofProcess) collectDefaultMetrics({ register: registry, prefix: "presszero_" });
  const metrics = {
    registry,
    httpRequests: new Counter({
      name: "presszero_http_requests_total",
      help: "HTTP requests answered",
      labelNames: ["method", "route", "status"],
      registers,
    }),
    httpSeconds: new Histogram({
      name: "presszero_http_request_seconds",
      help: "Time to answer an HTTP request",
      labelNames: ["method", "route"],
      buckets: seconds,
      registers,
    }),
    ready: new Gauge({
      name: "presszero_ready",
      help: "1 while this process takes new work, as /readyz says, else 0",
      registers,
    }),
    wsConnections: new Gauge({ name: "presszero_ws_connections", help: "Open WebSockets", registers }),
    wsHellos: new Counter({ name: "presszero_ws_hello_total", help: "Accepted hello frames", registers }),
    wsCloses: new Counter({
      name: "presszero_ws_close_total",
      help: "WebSockets closed, by close code",
      labelNames: ["code"],
      registers,
    }),
    wsErrors: new Counter({
      name: "presszero_ws_errors_total",
      help: "Error frames sent, by error code",
      labelNames: ["code"],
      registers,
    }),
    slowConsumers: new Counter({
      name: "presszero_slow_consumer_total",
      help: "Connections cut off because their client read too slowly",
      registers,
    }),
    resumes: new Counter({
      name: "presszero_resume_total",
      help: "Clients that came back: ok got what they missed, partial has gaps to fetch, reset had to load anew",
      labelNames: ["result"],
      registers,
    }),
    gaps: new Counter({
      name: "presszero_gap_total",
      help: "Conversations in which a client was too far behind for a replay",
      registers,
    }),
    laneHoles: new Counter({
      name: "presszero_lane_hole_total",
      help: "Numbers that were missing in a lane as it was read from the database: must be 0",
      registers,
    }),
    hintGaps: new Counter({
      name: "presszero_hint_gap_total",
      help: "Times that events had to be read from the database because the bus had not brought them, or not in order",
      registers,
    }),
    sweeperLagSeconds: new Gauge({
      name: "presszero_sweeper_lag_seconds",
      help: "Age of the oldest event that the gateway's sweeper still had to deliver",
      registers,
    }),
    sendAckSeconds: new Histogram({
      name: "presszero_send_ack_seconds",
      help: "From a received message to its acknowledgement",
      buckets: fineSeconds,
      registers,
    }),
    deliverSeconds: new Histogram({
      name: "presszero_deliver_seconds",
      help: "From the commit of a message to its last socket of this process; committed here (own), or read from the log (log)",
      labelNames: ["source"],
      buckets: fineSeconds,
      registers,
    }),
    duplicates: new Counter({
      name: "presszero_duplicates_total",
      help: "Repeated messages that were answered with the first",
      registers,
    }),
    unknownRetries: new Counter({
      name: "presszero_unknown_retry_total",
      help: "Writes whose outcome was unknown because the database was lost during the commit",
      registers,
    }),
    rateLimited: new Counter({
      name: "presszero_rate_limited_total",
      help: "Refusals because of a limit",
      labelNames: ["limit"],
      registers,
    }),
    authzDenied: new Counter({
      name: "presszero_authz_denied_total",
      help: "Refusals because somebody signed in may not do this",
      labelNames: ["route"],
      registers,
    }),
    rlsContextMissing: new Counter({
      name: "presszero_rls_context_missing_total",
      help: "Statements on a company's table in a transaction without a company: must be 0",
      registers,
    }),
    consumerLagSeconds: new Gauge({
      name: "presszero_consumer_lag_seconds",
      help: "Age of the oldest event that a consumer has not read",
      labelNames: ["consumer"],
      registers,
    }),
    deadLetters: new Gauge({
      name: "presszero_dead_letters",
      help: "Parked events that wait for a person",
      labelNames: ["consumer"],
      registers,
    }),
    xidHorizonAgeSeconds: new Gauge({
      name: "presszero_xid_horizon_age_seconds",
      help: "Age of the oldest event that its readers must not see yet, because an older transaction still runs",
      registers,
    }),
    eventLoopLagSeconds: new Histogram({
      name: "presszero_eventloop_lag_seconds",
      help: "How late a timer of this process fires",
      buckets: fineSeconds,
      registers,
    }),
    poolWaiting: new Gauge({
      name: "presszero_pool_waiting",
      help: "Callers that wait for a database connection",
      labelNames: ["pool"],
      registers,
    }),
    poolWaitSeconds: new Histogram({
      name: "presszero_pool_wait_seconds",
      help: "Time to get a database connection",
      labelNames: ["pool"],
      buckets: fineSeconds,
      registers,
    }),
  };
  // A rate misses the first of a series that was not there before, so those that alerts and graphs watch begin at 0.
  for (const code of Object.keys(closeCodes)) metrics.wsCloses.inc({ code }, 0);
  for (const [code, { status }] of Object.entries(errorCodes)) if (status >= 500) metrics.wsErrors.inc({ code }, 0);
  for (const result of ["ok", "partial", "reset"]) metrics.resumes.inc({ result }, 0);
  for (const source of ["own", "log"]) metrics.deliverSeconds.zero({ source });
  return metrics;
}
