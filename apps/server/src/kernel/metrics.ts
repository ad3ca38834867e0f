import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * The metrics of this process, in a registry of their own. Labels hold names from closed lists (route patterns, close
 * codes, consumers), never ids or anything a caller chooses. `ofProcess` adds memory, processor time, garbage collection
 * and the lag of the event loop; tests, which make many of these, leave it out.
 */
export function createMetrics({ ofProcess }: { ofProcess: boolean } = { ofProcess: true }) {
  const registry = new Registry();
  const registers = [registry];
  if (ofProcess) collectDefaultMetrics({ register: registry, prefix: "presszero_" });
  return {
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
    wsConnections: new Gauge({ name: "presszero_ws_connections", help: "Open WebSockets", registers }),
    wsCloses: new Counter({
      name: "presszero_ws_close_total",
      help: "WebSockets closed, by close code",
      labelNames: ["code"],
      registers,
    }),
    wsHellos: new Counter({ name: "presszero_ws_hello_total", help: "Accepted hello frames", registers }),
    sendAckSeconds: new Histogram({
      name: "presszero_send_ack_seconds",
      help: "From a received message to its acknowledgement",
      buckets: seconds,
      registers,
    }),
    sweeperLagSeconds: new Gauge({
      name: "presszero_sweeper_lag_seconds",
      help: "Age of the oldest event that the gateway's sweeper still had to deliver",
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
    poolWaiting: new Gauge({
      name: "presszero_pool_waiting",
      help: "Callers that wait for a database connection",
      labelNames: ["pool"],
      registers,
    }),
  };
}
