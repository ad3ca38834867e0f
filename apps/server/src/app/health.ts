import { timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { SystemCtx } from "../kernel/context.ts";
import { migrationsAreCurrent } from "../kernel/migrate.ts";
import { hashSecret } from "../kernel/tokens.ts";

const freshMs = 2_000;

/**
 * `/healthz`: the process answers. `/readyz`: it takes new work, that is the database answers and has the tables of this
 * version, and we are neither about to stop nor overloaded. `/metrics`: for callers on this machine, or with the token of the settings.
 */
export function serveHealth(server: FastifyInstance, system: SystemCtx, isBusy: () => boolean): void {
  let checked = { at: Number.NEGATIVE_INFINITY, isReady: false };

  async function isReady(): Promise<boolean> {
    const now = performance.now();
    if (now - checked.at > freshMs) {
      const isReady = await migrationsAreCurrent(system.database.worker).catch(() => false);
      checked = { at: now, isReady };
    }
    return checked.isReady;
  }

  const options = { logLevel: "silent" as const };
  server.get("/healthz", options, () => ({ status: "ok" }));
  server.get("/readyz", options, async (_request, reply) => {
    const ready = !isBusy() && (await isReady());
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready" });
  });
  server.get("/metrics", options, async (request, reply) => {
    const { metricsToken } = system.settings;
    const isAllowed = metricsToken
      ? timingSafeEqual(hashSecret(request.headers.authorization ?? ""), hashSecret(`Bearer ${metricsToken}`))
      : isFromThisMachine(request);
    if (!isAllowed) return reply.code(404).send();
    for (const pool of ["app", "writer", "worker"] as const) {
      system.metrics.poolWaiting.set({ pool }, system.database[pool].waitingCount);
    }
    const { registry } = system.metrics;
    return reply.header("Content-Type", registry.contentType).send(await registry.metrics());
  });
}

/** The connection itself, and not one that a proxy on this machine passes on for somebody else. */
function isFromThisMachine({ socket, headers }: FastifyRequest): boolean {
  const isPassedOn = ["forwarded", "via", "x-forwarded-for", "x-real-ip"].some((name) => name in headers);
  return !isPassedOn && ["127.0.0.1", "::1", "::ffff:127.0.0.1"].includes(socket.remoteAddress ?? "");
}
