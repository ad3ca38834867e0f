import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { type Notes, setting, text } from "./settings-variable.ts";
import { type Limits, limitSettings, readLimits } from "./settings-limits.ts";

/** What a process does. One process does everything unless `--roles` says otherwise. */
export const allRoles = ["api", "gateway", "worker"] as const;
export type ProcessRole = (typeof allRoles)[number];

export type Settings = {
  port: number;
  host: string;
  /** Without a slash at the end. */
  publicUrl: string;
  /** Null: the embedded PostgreSQL, with its data in `dataDir`. */
  databaseUrl: string | null;
  dataDir: string;
  secretKey: string;
  /** Null: mails are written to files in `dataDir`. */
  smtpUrl: string | null;
  mailFrom: string;
  logLevel: (typeof logLevels)[number];
  /** Addresses, ranges, or the names `loopback`, `linklocal`, `uniquelocal`. */
  trustProxy: readonly string[];
  demo: boolean;
  /** Hosts, or `host:port`, that `egressFetch` may reach although their address is private. */
  egressAllow: readonly string[];
  /** Null: `/metrics` and `/healthz/details` answer only callers on this machine. */
  metricsToken: string | null;
  limits: Limits;
  roles: ReadonlySet<ProcessRole>;
};

/** Thrown when settings are missing or wrong: one sentence for each of them. */
export class SettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "SettingsError";
    this.problems = problems;
  }
}

const repositoryRoot = resolve(import.meta.dirname, "../../../..");
const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
const proxyNames = ["loopback", "linklocal", "uniquelocal"];

const list = (message: string, isRight: (item: string) => boolean) =>
  z
    .string()
    .transform((value) =>
      value
        .split(",")
        .map((item) => item.trim())
        .filter(Boolean),
    )
    .refine((items) => items.every(isRight), message);
const hasProtocol =
  (...protocols: string[]) =>
  (value: string) =>
    URL.canParse(value) && protocols.includes(new URL(value).protocol);

const environment = {
  PORT: setting(
    text(
      "must be a whole number from 0 to 65535 (0: any free port).",
      (value) => /^\d{1,5}$/.test(value) && +value < 65536,
    )
      .transform(Number)
      .default(4000),
    { meaning: "Port of the HTTP and WebSocket server.", example: "4000" },
  ),
  HOST: setting(z.string().default("127.0.0.1"), {
    meaning:
      "Address to listen on. The default is reachable from this machine only; `0.0.0.0` opens it to the network.",
    example: "127.0.0.1",
  }),
  PUBLIC_URL: setting(
    text("must be an address that starts with http:// or https:// and has no path.", (value) => {
      return hasProtocol("http:", "https:")(value) && /^[^?#]*$/.test(value) && new URL(value).pathname === "/";
    })
      .transform((value) => new URL(value).origin)
      .optional(),
    {
      meaning: "Where people reach this installation; links in mails begin with it.",
      shown: "`http://localhost:PORT`",
      example: "https://chat.example.com",
    },
  ),
  DATABASE_URL: setting(
    text("must start with postgres:// or postgresql://.", hasProtocol("postgres:", "postgresql:"))
      .nullable()
      .default(null),
    {
      meaning: "PostgreSQL 15 or newer. The login needs CREATEROLE, and CREATE on the database.",
      shown: "the embedded PostgreSQL, with its data in `DATA_DIR`",
      secret: true,
      example: "postgres://presszero:password@localhost:5432/presszero",
    },
  ),
  DATA_DIR: setting(z.string().optional(), {
    meaning: "Directory for everything that is kept in files.",
    shown: "`.data` in the repository",
    example: "/var/lib/presszero",
  }),
  SECRET_KEY: setting(text("must be at least 32 characters long.", (value) => value.length >= 32).optional(), {
    meaning:
      "Signs cursors and links: at least 32 random characters, the same for all processes. Required with `DATABASE_URL`.",
    shown: "made once and kept in `DATA_DIR/secret-key`",
    secret: true,
    example: "at-least-32-random-characters-here",
  }),
  SMTP_URL: setting(
    text("must start with smtp:// or smtps://.", hasProtocol("smtp:", "smtps:")).nullable().default(null),
    {
      meaning: "Mail server that sends our mails.",
      shown: "mails are written to `DATA_DIR/mail`",
      secret: true,
      example: "smtp://user:password@mail.example.com:587",
    },
  ),
  MAIL_FROM: setting(
    text("must hold an e-mail address.", (value) => /^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$/.test(value)).default(
      "Press Zero <no-reply@localhost>",
    ),
    { meaning: "Sender of our mails.", example: "Press Zero <support@example.com>" },
  ),
  LOG_LEVEL: setting(z.enum(logLevels, `must be one of ${logLevels.join(", ")}.`).default("info"), {
    meaning: `How much is logged: ${logLevels.join(", ")}.`,
    example: "info",
  }),
  TRUST_PROXY: setting(
    list(
      "must list addresses or ranges such as 10.0.0.0/8, or loopback, linklocal, uniquelocal, separated by commas.",
      (item) => proxyNames.includes(item) || /^[0-9a-f.:]+(\/\d{1,3})?$/i.test(item),
    ).default([]),
    {
      meaning: "Proxies in front of us whose `X-Forwarded-*` headers are believed, separated by commas.",
      shown: "none",
      example: "loopback,10.0.0.0/8",
    },
  ),
  DEMO: setting(
    z
      .enum(["true", "false"], "must be true or false.")
      .transform((value) => value === "true")
      .optional(),
    {
      meaning: "Seeds an empty database with the demo company, whose passwords are public.",
      shown: "`true` on the embedded PostgreSQL, else `false`",
      example: "false",
    },
  ),
  EGRESS_ALLOW: setting(
    list("must list hosts or host:port, separated by commas.", (item) => URL.canParse(`http://${item}`)).default([]),
    {
      meaning: "Hosts, or host:port, that we may call although their address is private, separated by commas.",
      shown: "none",
      example: "crm.internal,10.0.0.7:8080",
    },
  ),
  ...limitSettings,
  METRICS_TOKEN: setting(
    text("must be at least 16 characters long.", (value) => value.length >= 16)
      .nullable()
      .default(null),
    {
      meaning: "Bearer token for `/metrics` and `/healthz/details`.",
      shown: "they answer this machine only",
      secret: true,
      example: "at-least-16-characters",
    },
  ),
};

type Environment = { [N in keyof typeof environment]: z.output<(typeof environment)[N]["schema"]> };

/**
 * Reads the settings from environment variables and `--roles a,b` of the command line. With the embedded database it
 * makes the secret key on the first start and keeps it. Throws a `SettingsError` that names everything that is wrong.
 */
export function loadSettings(env: Record<string, string | undefined>, args: readonly string[] = []): Settings {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { schema, notes }] of Object.entries(environment)) {
    const parsed = schema.safeParse(readVariable(env, name, notes, problems));
    if (parsed.success) values[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((issue) => `${name} ${issue.message}`));
  }
  const roles = readRoles(args, problems);
  const read = values as Environment;
  if (read.DATABASE_URL && read.SECRET_KEY === undefined && !problems.some((one) => one.startsWith("SECRET_KEY"))) {
    problems.push("SECRET_KEY is required together with DATABASE_URL.");
  }
  if (problems.length > 0) throw new SettingsError(problems);

  const publicUrl = read.PUBLIC_URL ?? `http://localhost:${read.PORT}`;
  const dataDir = resolve(read.DATA_DIR ?? join(repositoryRoot, ".data"));
  return {
    port: read.PORT,
    host: read.HOST,
    publicUrl,
    databaseUrl: read.DATABASE_URL,
    dataDir,
    secretKey: read.SECRET_KEY ?? keptSecretKey(dataDir),
    smtpUrl: read.SMTP_URL,
    mailFrom: read.MAIL_FROM,
    logLevel: read.LOG_LEVEL,
    trustProxy: read.TRUST_PROXY,
    demo: read.DEMO ?? read.DATABASE_URL === null,
    egressAllow: read.EGRESS_ALLOW,
    metricsToken: read.METRICS_TOKEN,
    limits: readLimits(read, publicUrl),
    roles,
  };
}

/** An empty variable counts as absent. */
function readVariable(
  env: Record<string, string | undefined>,
  name: string,
  notes: Notes,
  problems: string[],
): string | undefined {
  const value = env[name] || undefined;
  const file = notes.secret && env[`${name}_FILE`];
  if (!file) return value;
  if (value) problems.push(`${name} and ${name}_FILE are both set; keep one of them.`);
  try {
    return readFileSync(file, "utf8").trim() || undefined;
  } catch (error) {
    problems.push(`${name}_FILE cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    return undefined;
  }
}

function readRoles(args: readonly string[], problems: string[]): ReadonlySet<ProcessRole> {
  const { values } = parseArgs({ args: [...args], options: { roles: { type: "string" } }, strict: false });
  if (values.roles === undefined) return new Set(allRoles);
  const named = String(values.roles).split(",");
  const isRole = (name: string): name is ProcessRole => allRoles.some((role) => role === name);
  if (!named.every(isRole)) problems.push(`--roles must name some of ${allRoles.join(", ")}, separated by commas.`);
  return new Set(named.filter(isRole));
}

function keptSecretKey(dataDir: string): string {
  const file = join(dataDir, "secret-key");
  try {
    mkdirSync(dataDir, { recursive: true });
    if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString("base64url"), { mode: 0o600 });
  } catch (error) {
    throw new SettingsError([`DATA_DIR ${dataDir} cannot be written (${(error as NodeJS.ErrnoException).code}).`]);
  }
  const key = readFileSync(file, "utf8").trim();
  if (key.length < 32) throw new SettingsError([`${file} holds no key; remove the file to have a new one made.`]);
  return key;
}

export type SettingDescription = { name: string; meaning: string; default: string; secret: boolean; example: string };

/** Every environment variable in the order of the documentation, for `.env.example` and `docs/settings.md`. */
export function describeSettings(): SettingDescription[] {
  return Object.entries(environment).map(([name, { schema, notes }]) => ({
    name,
    meaning: notes.meaning,
    default: notes.shown ?? `\`${String(schema.parse(undefined))}\``,
    secret: notes.secret ?? false,
    example: notes.example ?? "",
  }));
}
