// The parts of docs/protocol.md that follow from the contracts, as Markdown.
import { staffOnlyEventKinds } from "../packages/contracts/src/conversations.ts";
import { errorCodes } from "../packages/contracts/src/errors.ts";
import { closeCodes } from "../packages/contracts/src/protocol/constants.ts";
import { protocolLimits } from "../packages/contracts/src/protocol/limits.ts";
import { type Rule, ruleSections, rules } from "../packages/contracts/src/protocol/rules.ts";
import { frameSchemas, type JsonSchema } from "../packages/contracts/src/protocol/schemas.ts";
import { table } from "./docs-tables.ts";

const schemas = frameSchemas();
const yes = (value: boolean) => (value ? "yes" : "no");
/** An event on a page is that of the frame, without its type. */
const isShape = (name: string) => name in schemas.definitions && name !== "ConversationEvent";
const code = (text: string) => `\`${text}\``;

/** By the name that stands in the comment before the part. */
export function protocolTables(): Record<string, string> {
  return {
    events: table(["kind", "audience", "meaning"], eventRows()),
    "frames of the client": Object.entries(schemas.client).map(frame).join("\n\n"),
    "frames of the server": Object.entries(schemas.server).map(frame).join("\n\n"),
    shapes: Object.entries(schemas.definitions)
      .filter(([name]) => isShape(name))
      .map(([name, schema]) => `#### ${name}\n\n${shape(schema)}`)
      .join("\n\n"),
    limits: table(
      ["what", "limit", "answer", "rule"],
      protocolLimits.map(({ what, limit, answer, rule }) => [what, limit, answer, rule]),
    ),
    "close codes": table(
      ["code", "name", "terminal"],
      Object.entries(closeCodes).map(([number, { name, terminal }]) => [number, code(name), yes(terminal)]),
    ),
    errors: table(
      ["code", "HTTP", "retry", "meaning"],
      Object.entries(errorCodes).map(([name, { status, retry, meaning }]) => [
        code(name),
        String(status),
        yes(retry),
        meaning,
      ]),
    ),
    rules: Object.entries(ruleSections)
      .map(([section, title]) => `### ${title}\n\n${rulesOf(section)}`)
      .join("\n\n"),
  };
}

function rulesOf(section: string): string {
  return (Object.entries(rules) as [string, Rule][])
    .filter(([, rule]) => rule.section === section)
    .map(([id, { title, text }]) => `#### ${id}\n\n**${title}.** ${text}`)
    .join("\n\n");
}

function eventRows(): string[][] {
  return schemas.server.event!.oneOf!.map((event) => {
    const kind = String(event.properties!.kind!.const);
    const isStaffOnly = staffOnlyEventKinds.some((one) => one === kind);
    const audience = isStaffOnly ? "staff" : kind.startsWith("message.") ? "both; staff only for a note" : "both";
    return [code(kind), audience, event.description!];
  });
}

function frame([type, schema]: [string, JsonSchema]): string {
  return `#### ${type}\n\n${schema.description}\n\n${fields(schema, ["type"])}`;
}

function shape(schema: JsonSchema): string {
  if (!schema.oneOf) return fields(schema, []);
  return schema.oneOf.map((one) => `- ${typeText(one).replaceAll("\\|", "|")}`).join("\n");
}

/** A row for each field. Of a frame of several kinds, `data` is told for each of them. */
function fields(schema: JsonSchema, without: string[]): string {
  const kinds = schema.oneOf;
  const { properties, required = [] } = kinds?.[0] ?? schema;
  const omitted = kinds ? [...without, "kind", "data"] : without;
  const rows = Object.entries(properties!)
    .filter(([name]) => !omitted.includes(name))
    .map(([name, field]) => [
      code(required.includes(name) ? name : `${name}?`),
      typeText(field),
      field.description ?? "",
    ]);
  for (const { properties: own } of kinds ?? []) {
    rows.push(["`data`", typeText(own!.data!), `of the kind ${code(String(own!.kind!.const))}`]);
  }
  if (kinds) rows.splice(-kinds.length, 0, ["`kind`", "`string`", ""]);
  const isExplained = rows.some(([, , meaning]) => meaning !== "");
  return isExplained
    ? table(["field", "type", "meaning"], rows)
    : table(
        ["field", "type"],
        rows.map(([name, type]) => [name!, type!]),
      );
}

/** A type in the way of TypeScript, for a cell of a table; named shapes are links. */
function typeText(schema: JsonSchema): string {
  const parts = typeParts(schema);
  return parts.map((part) => (/^[A-Z]\w+(\[\])?$/.test(part) ? linked(part) : code(part))).join(" \\| ");
}

function linked(part: string): string {
  const name = part.replace("[]", "");
  return isShape(name) ? `[${code(part)}](#${name.toLowerCase()})` : code(part);
}

function typeParts(schema: JsonSchema): string[] {
  const { $ref, anyOf, oneOf, items } = schema;
  if ($ref) return [$ref.split("/").at(-1)!];
  const choices = anyOf ?? oneOf;
  if (choices) return choices.flatMap(typeParts);
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (schema.enum) return schema.enum.length > 12 ? ["string"] : schema.enum.map((value) => JSON.stringify(value));
  if (schema.type === "array") return [`${inline(items!)}[]`];
  if (schema.type === "object") return [objectText(schema)];
  if (Array.isArray(schema.type)) return schema.type;
  if (schema.type === "integer") return ["number"];
  if (schema.format === "date-time") return ["time"];
  const prefix = /^\^([a-z]{3}_)\[/.exec(schema.pattern ?? "")?.[1];
  if (prefix) return [`${prefix}…`];
  if (schema.pattern?.startsWith("^[0-9a-f]{8}-")) return ["uuid"];
  return [schema.type ?? "any"];
}

function inline(schema: JsonSchema): string {
  const parts = typeParts(schema);
  return parts.length > 1 ? `(${parts.join(" \\| ")})` : parts[0]!;
}

function objectText({ properties, required = [] }: JsonSchema): string {
  if (!properties) return "object";
  const inner = Object.entries(properties).map(
    ([name, field]) => `${required.includes(name) ? name : `${name}?`}: ${typeParts(field).join(" \\| ")}`,
  );
  return inner.length === 0 ? "{}" : `{ ${inner.join(", ")} }`;
}
