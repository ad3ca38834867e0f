import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import {
  contactsRoutes,
  conversationsRoutes,
  errorCodes,
  identityRoutes,
  operationsRoutes,
  realtimeRoutes,
  type Route,
  routes,
} from "@presszero/contracts";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { serveProtocolDocs } from "./protocol-docs.ts";

const tags: Record<string, readonly Route[]> = {
  identity: identityRoutes,
  contacts: contactsRoutes,
  conversations: conversationsRoutes,
  realtime: realtimeRoutes,
  operations: operationsRoutes,
};

const description = `Times are ISO 8601 in UTC. Lists come in pages: hand \`next\` back as \`cursor\`. A write that takes an
\`Idempotency-Key\` (a lower-case UUID) happens once, however often it is sent with the same key
by the same session or, with a \`Device-Id\`, by the same device.

Conversations come live over a WebSocket: see [the realtime protocol](/docs/protocol).

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem documents. \`code\` is one of these; \`retry\` says
whether the same request may succeed later:

| code | status | retry | meaning |
|---|---|---|---|
${Object.entries(errorCodes)
  .map(([code, { status, retry, meaning }]) => `| \`${code}\` | ${status} | ${retry ? "yes" : "no"} | ${meaning} |`)
  .join("\n")}
`;

type Paths = Record<string, Record<string, { parameters?: unknown[]; responses: Record<string, unknown> }>>;

/** OpenAPI 3.1 at `/openapi.json`, rendered at `/docs`; the protocol at `/docs/protocol`. To be called before the routes are registered. */
export async function addDocumentation(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Press Zero", version: "1", description },
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", description: "An API key, a session token or a guest token." },
        },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => {
      const transformed = jsonSchemaTransformObject(document);
      addCommonParts(transformed.paths as Paths);
      return transformed;
    },
  });
  await server.register(swaggerUi, {
    routePrefix: "/docs",
    uiConfig: { deepLinking: true },
    theme: {
      title: "Press Zero API",
      css: [{ filename: "theme.css", content: ".swagger-ui .topbar { display: none }" }],
    },
  });
  server.get("/openapi.json", { schema: { hide: true } }, () => server.swagger());
  serveProtocolDocs(server);
}

/** What routes have in common is said once: the problem document, answers without a body, the idempotency key. */
function addCommonParts(paths: Paths): void {
  for (const route of routes as readonly Route[]) {
    const operation = paths[openApiPath(route)]?.[route.method.toLowerCase()];
    if (!operation) continue;
    if (!route.response) operation.responses = { 204: { description: "Done" } };
    operation.responses.default = {
      description: "A problem",
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    };
    if (route.idempotent) {
      const schema = { type: "string", format: "uuid" };
      const key = { in: "header", name: "Idempotency-Key", required: true, schema };
      const device = { in: "header", name: "Device-Id", required: false, schema };
      operation.parameters = [...(operation.parameters ?? []), key, device];
    }
  }
}

export function openApiPath(route: Route): string {
  return route.path.replace(/:(\w+)/g, "{$1}");
}

/** What the documentation says about a route besides its schemas. */
export function describeRoute(route: Route) {
  const needs = {
    public: "Needs no sign-in.",
    signed_in: "For everybody who is signed in.",
    contact: "For customers.",
  }[route.access as string];
  return {
    summary: route.summary,
    description: needs ?? `Needs the permission \`${route.access}\`.`,
    tags: Object.keys(tags).filter((tag) => tags[tag]!.includes(route)),
    security: route.access === "public" ? [] : [{ bearer: [] }],
  };
}
