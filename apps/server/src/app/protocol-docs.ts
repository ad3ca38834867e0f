import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  closeCodes,
  errorCodes,
  type FrameSchemas,
  frameSchemas,
  type JsonSchema,
  protocolVersion,
  realtimePath,
  subProtocol,
} from "@presszero/contracts";
import { protocolLimits } from "@presszero/contracts/limits";
import { rules, ruleSections } from "@presszero/contracts/rules";
import type { FastifyInstance } from "fastify";
import { protocolPage } from "./protocol-page.ts";

const root = resolve(import.meta.dirname, "../../../..");
const read = (file: string) => readFileSync(resolve(root, file), "utf8");

/** Nothing but our own style sheet: the page has no script, no frame and no form. */
const policy =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** docs/protocol.md as a page at `/docs/protocol`, and the same for programs at `/docs/protocol.json`. Made when first asked for. */
export function serveProtocolDocs(server: FastifyInstance): void {
  const documents = [
    { path: "/docs/protocol", type: "text/html; charset=utf-8", make: () => protocolPage(read("docs/protocol.md")) },
    {
      path: "/docs/protocol.css",
      type: "text/css; charset=utf-8",
      make: () => read("packages/ui/src/tokens.css") + read("apps/server/src/app/protocol-page.css"),
    },
    {
      path: "/docs/protocol.json",
      type: "application/json; charset=utf-8",
      make: () => JSON.stringify(asyncApi(frameSchemas())),
    },
  ];
  for (const { path, type, make } of documents) {
    let made: string | null = null;
    server.get(path, { schema: { hide: true } }, (_request, reply) =>
      reply
        .header("Cache-Control", "no-cache")
        .header("Content-Security-Policy", policy)
        .type(type)
        .send((made ??= make())),
    );
  }
}

/** The protocol as AsyncAPI 3.0: frames as messages; what AsyncAPI has no word for stands under `x-` keys. */
function asyncApi({ client, server, definitions }: FrameSchemas) {
  const channel = { $ref: "#/channels/realtime" };
  const messageOf = (type: string) => ({ $ref: `#/channels/realtime/messages/${type}` });
  const types = Object.keys({ ...client, ...server });
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Press Zero realtime protocol",
      version: String(protocolVersion),
      description: `JSON in text frames of a WebSocket with the sub-protocol ${subProtocol}. Described at /docs/protocol.`,
    },
    defaultContentType: "application/json",
    channels: {
      realtime: {
        address: realtimePath,
        messages: Object.fromEntries(types.map((type) => [type, { $ref: `#/components/messages/${type}` }])),
        bindings: {
          ws: {
            method: "GET",
            headers: {
              type: "object",
              properties: { "Sec-WebSocket-Protocol": { type: "string", const: subProtocol } },
              required: ["Sec-WebSocket-Protocol"],
            },
          },
        },
      },
    },
    operations: {
      fromClient: { action: "receive", channel, messages: Object.keys(client).map(messageOf) },
      fromServer: { action: "send", channel, messages: Object.keys(server).map(messageOf) },
    },
    components: {
      messages: Object.fromEntries(
        types.map((type) => {
          const { description: summary } = client[type] ?? server[type]!;
          return [type, { name: type, summary, payload: { $ref: `#/components/schemas/${type}` } }];
        }),
      ),
      schemas: withMovedReferences({ ...client, ...server, ...definitions }),
    },
    "x-limits": protocolLimits,
    "x-close-codes": closeCodes,
    "x-errors": errorCodes,
    "x-rules": { sections: ruleSections, rules },
  };
}

function withMovedReferences(schemas: Record<string, JsonSchema>): Record<string, JsonSchema> {
  const text = JSON.stringify(schemas).replaceAll('"#/definitions/', '"#/components/schemas/');
  return JSON.parse(text) as Record<string, JsonSchema>;
}
