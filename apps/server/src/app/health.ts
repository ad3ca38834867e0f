import { timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { SystemCtx } from "../kernel/context.ts";
import { listConsumerStates, readHorizonAge } from "../kernel/log-state.ts";
import { type LoopLag, watchLoopLag } from "../kernel/loop-lag.ts";
import { describeFailure } from "../kernel/log.ts";
import { migrationsAreCurrent } from "../kernel/migrate.ts";
import { readInstallation } from "../kernel/system-meta.ts";
import { hashSecret } from "../kernel/tokens.ts";
import { listProcesses } from "../kernel/trace-relay.ts";
import packageJson from "../../package.json" with { type: "json" };

const freshMs = 2_000;
const pools = ["app", "writer", "worker"] as const;

/**
 * `/healthz`: the process answers. `/readyz`: it takes new work, that is the database answers and has the tables of this
 * version, and we are neither about to stop nor overloaded. `/metrics` and `/healthz/details`: for callers on this machine,
 * or with the token of the settings.
 */
export function serveHealth(server: FastifyInstance, system: SystemCtx, isBusy: () => boolean): void {
  const loopLag = watchLoopLag(system.metrics);
  server.addHook("onClose", async () => loopLag.stop());
  let checked = { at: Number.NEGATIVE_INFINITY, isReady: false };

  async function checkDatabase(): Promise<boolean> {
    const now = performance.now();
    if (now - checked.at > freshMs) {
      const isReady = await migrationsAreCurrent(system.database.worker).catch(() => false);
      checked = { at: now, isReady };
    }
    return checked.isReady;
  }

  async function isReady(): Promise<boolean> {
    const ready = !isBusy() && (await checkDatabase());
    system.metrics.ready.set(ready ? 1 : 0);
    return ready;
  }

  function isAllowed(request: FastifyRequest): boolean {
    const { metricsToken } = system.settings;
    return metricsToken
      ? timingSafeEqual(hashSecret(request.headers.authorization ?? ""), hashSecret(`Bearer ${metricsToken}`))
      : isFromThisMachine(request);
  }

  const options = { logLevel: "silent" as const };
  server.get("/healthz", options, () => ({ status: "ok" }));
  server.get("/readyz", options, async (_request, reply) => {
    const ready = await isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready" });
  });
  server.get("/healthz/details", options, async (request, reply) => {
    if (!isAllowed(request)) return reply.code(404).send();
    return reply.send(await describe(system, { isReady: await isReady(), isBusy: isBusy(), loopLag }));
  });
  server.get("/metrics", options, async (request, reply) => {
    if (!isAllowed(request)) return reply.code(404).send();
    await isReady();
    for (const pool of pools) system.metrics.poolWaiting.set({ pool }, system.database[pool].waitingCount);
    const { registry } = system.metrics;
    return reply.header("Content-Type", registry.contentType).send(await registry.metrics());
  });
}

/** The connection itself, and not one that a proxy on this machine passes on for somebody else. */
function isFromThisMachine({ socket, headers }: FastifyRequest): boolean {
  const isPassedOn = ["forwarded", "via", "x-forwarded-for", "x-real-ip"].some((name) => name in headers);
  return !isPassedOn && ["127.0.0.1", "::1", "::ffff:127.0.0.1"].includes(socket.remoteAddress ?? "");
}

/** What a person wants to know of a process that is not well. Answers without the database, too. */
async function describe(
  system: SystemCtx,
  { isReady, isBusy, loopLag }: { isReady: boolean; isBusy: boolean; loopLag: LoopLag },
) {
  const { values: sockets } = await system.metrics.wsConnections.get();
  return {
    status: isReady ? "ready" : "not ready",
    process: system.trace.process,
    roles: [...system.settings.roles],
    version: packageJson.version,
    node: process.versions.node,
    uptimeSeconds: Math.round(process.uptime()),
    isBusy,
    sockets: sockets[0]?.value ?? 0,
    eventLoopLagSeconds: loopLag.longestSeconds(),
    pools: Object.fromEntries(
      pools.map((name) => {
        const { totalCount, idleCount, waitingCount } = system.database[name];
        return [name, { connections: totalCount, idle: idleCount, waiting: waitingCount }];
      }),
    ),
    database: await describeDatabase(system).catch((error: unknown) => ({ unreachable: describeFailure(error) })),
  };
}

async function describeDatabase(system: SystemCtx) {
  const { worker } = system.database;
  return {
    ...(await readInstallation(worker)),
    processes: await listProcesses(system),
    horizonAgeSeconds: await readHorizonAge(worker),
    consumers: await listConsumerStates(worker),
  };
}
