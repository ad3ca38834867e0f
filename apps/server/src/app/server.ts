import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import proxyAddr from "@fastify/proxy-addr";
import type { Logger } from "pino";
import { createBus } from "../kernel/bus.ts";
import { systemClock } from "../kernel/clock.ts";
import { startConsumers } from "../kernel/consumers.ts";
import type { SystemCtx } from "../kernel/context.ts";
import { openDatabase } from "../kernel/database.ts";
import { startEmbeddedPostgres } from "../kernel/embedded-postgres.ts";
import { startJobs } from "../kernel/jobs.ts";
import { createMailer } from "../kernel/mail.ts";
import { createMetrics } from "../kernel/metrics.ts";
import { migrate } from "../kernel/migrate.ts";
import { watchOverload } from "../kernel/overload.ts";
import { startRelay } from "../kernel/relay.ts";
import type { Settings } from "../kernel/settings.ts";
import { createTrace } from "../kernel/trace.ts";
import { startGateway } from "../modules/gateway/index.ts";
import { firstAdminLink } from "../modules/identity/index.ts";
import { seedDemo } from "./demo/seed.ts";
import { serveHealth } from "./health.ts";
import { createHttpServer } from "./http.ts";
import { consumers, handlers, jobs } from "./modules.ts";
import { serveWebApps } from "./web-apps.ts";

export type RunningServer = {
  /** Where this process listens. */
  address: AddressInfo;
  /** Printed once, at the first start of an installation. */
  firstAdminLink: string | null;
  hasDemo: boolean;
  /** Stops taking work, lets clients and work in hand go in peace, then closes everything. Calling it again changes nothing. */
  stop(): Promise<void>;
};

/** Clients come back spread over this long after a restart. */
const drainSpreadMs = 2_000;

/** Where a request comes from: the header of a proxy counts only if the settings trust that proxy. */
function addressOf({ trustProxy }: Settings): (request: IncomingMessage) => string {
  const isTrusted = proxyAddr.compile([...trustProxy]);
  return (request) => proxyAddr(request, isTrusted) ?? "";
}

/** Brings up everything that the roles of this process need, in the order in which it depends on each other. */
export async function startServer(settings: Settings, log: Logger): Promise<RunningServer> {
  const { roles } = settings;
  const closers: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | null = null;
  let isDraining = false;
  const stop = () =>
    (stopping ??= (async () => {
      isDraining = true;
      for (const close of closers.reverse()) {
        await close().catch((error: unknown) => log.error({ err: error }, "a part did not stop cleanly"));
      }
    })());

  try {
    const embedded = settings.databaseUrl ? null : await startEmbeddedPostgres({ dataDir: settings.dataDir, log });
    if (embedded) closers.push(embedded.stop);
    const url = settings.databaseUrl ?? embedded!.url;
    await migrate(url);

    const onError = (error: unknown) => log.error({ err: error }, "unexpected error");
    const metrics = createMetrics();
    const database = openDatabase(url, { metrics, onError });
    closers.push(database.close);
    const bus = createBus(onError);
    const system: SystemCtx = {
      database,
      bus,
      metrics,
      trace: createTrace(bus, systemClock),
      mailer: createMailer(settings),
      clock: systemClock,
      log,
      settings,
    };
    if (settings.databaseUrl) {
      // The embedded database serves this process alone: there is nobody to tell.
      const relay = await startRelay(system);
      closers.push(relay.stop);
    }
    const hasDemo = settings.demo && (await seedDemo(system, url));

    if (roles.has("worker")) {
      const running = startConsumers(system, consumers);
      closers.push(() => running.stop());
      const queue = await startJobs(system, url, jobs);
      closers.push(() => queue.stop());
    }

    const overload = watchOverload(system);
    closers.push(async () => overload.stop());
    const gateway = roles.has("gateway")
      ? await startGateway(system, addressOf(settings), overload.isOverloaded)
      : null;
    // Whatever its roles, a process answers how it is.
    const http = await createHttpServer(system, { ...(roles.has("api") && handlers), ...gateway?.handlers });
    serveHealth(http, system, () => isDraining || overload.isOverloaded());
    if (roles.has("api")) await serveWebApps(http);
    if (gateway) http.server.on("upgrade", gateway.handleUpgrade);
    // Pages keep their connections open; those that are idle are closed at once, the others when answered.
    closers.push(() => http.close());
    if (gateway) closers.push(() => gateway.drain(drainSpreadMs));
    await http.listen({ port: settings.port, host: settings.host });
    const address = http.server.address() as AddressInfo;
    log.info(`process ${system.trace.process} is up`);
    return { address, firstAdminLink: await firstAdminLink(system), hasDemo, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
