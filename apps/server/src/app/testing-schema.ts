// For tests only: what may stand where in a request or answer, read from the contract's schemas.
import { z } from "zod";

export type JsonSchema = {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  format?: string;
};

/** A value that is no object and no list. `path` is such as `items[].contact.name`; a record's keys are `*`. */
export type Leaf = { path: string; schema: JsonSchema };

/** Every leaf that the schema allows, once for each of its forms. */
export function leavesOf(schema: z.ZodType, io: "input" | "output"): Leaf[] {
  const root = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as JsonSchema;
  const leaves: Leaf[] = [];
  const visit = (node: JsonSchema, path: string): void => {
    if (node.$ref) return visit(root.$defs![node.$ref.split("/").at(-1)!]!, path);
    const forms = [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])];
    for (const form of forms) visit(form, path);
    if (node.items) return visit(node.items, `${path}[]`);
    const fields = Object.entries(node.properties ?? {});
    for (const [name, field] of fields) visit(field, path === "" ? name : `${path}.${name}`);
    if (typeof node.additionalProperties === "object") return visit(node.additionalProperties, `${path}.*`);
    if (forms.length === 0 && fields.length === 0) leaves.push({ path, schema: node });
  };
  visit(root, "");
  return leaves;
}

/** The same of a value. An empty list or object is a leaf. */
export function pathsOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) {
    return value.length === 0 ? [`${path}[]`] : value.flatMap((item) => pathsOf(item, `${path}[]`));
  }
  if (typeof value !== "object" || value === null) return [path];
  const fields = Object.entries(value);
  if (fields.length === 0) return [path];
  return fields.flatMap(([name, field]) => pathsOf(field, path === "" ? name : `${path}.${name}`));
}
