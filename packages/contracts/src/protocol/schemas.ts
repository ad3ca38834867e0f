import { z } from "zod";
import { clientFrame, serverFrame } from "./frames.ts";

/** JSON Schema (draft 7), as far as we read it ourselves. */
export type JsonSchema = {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  format?: string;
  description?: string;
  default?: unknown;
  $ref?: string;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
};

export type FrameSchemas = {
  /** By the `type` of the frame, in the order of the contract. */
  client: Record<string, JsonSchema>;
  server: Record<string, JsonSchema>;
  /** What the frames refer to, by name: `#/definitions/Message`. */
  definitions: Record<string, JsonSchema>;
};

/** Every frame as JSON Schema, for documents and for whoever generates a client. */
export function frameSchemas(): FrameSchemas {
  const client = read(clientFrame, "input");
  const server = read(serverFrame, "output");
  return {
    client: client.frames,
    server: server.frames,
    definitions: { ...client.definitions, ...server.definitions },
  };
}

function read(schema: z.ZodType, io: "input" | "output") {
  const written = z.toJSONSchema(schema, {
    io,
    target: "draft-7",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      // What the server says may grow by a key: whoever reads it should not refuse that.
      if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  }) as JsonSchema & { definitions?: Record<string, JsonSchema> };
  const frames = Object.fromEntries((written.oneOf ?? []).map((one) => [typeOf(one), one]));
  return { frames, definitions: written.definitions ?? {} };
}

/** The kinds of an event are frames of one type. */
function typeOf(frame: JsonSchema): string {
  const { properties } = frame.oneOf?.[0] ?? frame;
  return String(properties!.type!.const);
}
