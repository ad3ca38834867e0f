import { resolve } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

const apps = resolve(import.meta.dirname, "../../..");

/** Where each built web app is served. A page app answers every path below its prefix with its index.html. */
const webApps = [
  { prefix: "/demo/", folder: resolve(apps, "site-demo/dist"), isPageApp: false },
  { prefix: "/widget/", folder: resolve(apps, "widget/dist"), isPageApp: false },
  { prefix: "/chat/", folder: resolve(apps, "web-chat/dist"), isPageApp: true },
  { prefix: "/", folder: resolve(apps, "dashboard/dist"), isPageApp: true },
];

/**
 * Serves the built web apps; `npm start` has built them. Files with a hash in their name are kept for ever. Nothing is
 * listed at the start, so a new build is served at once.
 */
export async function serveWebApps(server: FastifyInstance): Promise<void> {
  await server.register(fastifyStatic, {
    root: webApps.map((app) => app.folder),
    serve: false,
    cacheControl: false,
    dotfiles: "ignore",
  });
  for (const { prefix, folder, isPageApp } of webApps) {
    server.get<{ Params: { "*": string } }>(`${prefix}*`, (request, reply) => {
      const path = request.params["*"];
      const isPage = path === "" || (isPageApp && !/\.\w+$/.test(path));
      const isHashed = /^assets\/.+-[\w-]{8}\.\w+$/.test(path);
      void reply.header("Cache-Control", isHashed ? "public, max-age=31536000, immutable" : "no-cache");
      return reply.sendFile(isPage ? "index.html" : path, folder);
    });
  }
  server.get("/widget.js", (_request, reply) =>
    reply.header("Cache-Control", "public, max-age=300").sendFile("widget.js", resolve(apps, "widget/dist")),
  );
}
