import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkBoundaries, moduleOrder } from "./boundaries.ts";

const server = "apps/server/src";
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "presszero-boundaries-"));
  put("apps/server/migrations/0001_kernel.sql", "create table event (id int);\n");
  put("apps/server/migrations/0002_people.sql", "-- owner: contacts\n\ncreate table contact (id int);\n");
  put("apps/server/migrations/0003_conversations.sql", "create table if not exists conversation (id int);\n");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(file: string, text: string) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

/** The violations of a tree that holds one more file, as `line: message`. */
function check(file: string, text: string): string[] {
  put(file, text);
  return checkBoundaries(root).map((violation) => {
    expect(violation.file).toBe(file);
    return `${violation.line}: ${violation.message}`;
  });
}

describe("workspaces", () => {
  test("a package imports only what its row allows", () => {
    expect(check("packages/sdk/src/index.ts", 'import { a } from "@presszero/contracts";\nexport { a };\n')).toEqual(
      [],
    );
    expect(check("packages/sdk/src/index.ts", 'import { a } from "@presszero/ui";\n')[0]).toContain(
      "1: packages/sdk may not import @presszero/ui, only @presszero/contracts",
    );
    rmSync(join(root, "packages/sdk"), { recursive: true });
    expect(check("packages/ui/src/index.ts", '\nexport * from "@presszero/contracts";\n')[0]).toContain(
      "2: packages/ui imports nothing of ours",
    );
  });

  test("web-chat enters the widget by its one door", () => {
    expect(check("apps/web-chat/src/main.tsx", 'import { Chat } from "@presszero/widget/chat";\n')).toEqual([]);
    expect(check("apps/web-chat/src/main.tsx", 'import { Chat } from "@presszero/widget/src/x.ts";\n')).toHaveLength(1);
  });

  test("nobody reaches into another workspace by path, tests aside", () => {
    const text = 'const settings = await import("../../server/src/kernel/settings.ts");\n';
    expect(check("apps/dashboard/src/main.tsx", text)[0]).toContain("by its package name");
    rmSync(join(root, "apps/dashboard"), { recursive: true });
    expect(check("packages/sdk/src/readme.test.ts", 'import "../../../apps/server/src/kernel/testing.ts";\n')).toEqual(
      [],
    );
  });

  test("an unknown workspace needs a decision", () => {
    expect(check("packages/extras/src/index.ts", "export {};\n")[0]).toContain("no place in the house yet");
  });
});

describe("rings of the server", () => {
  test.each([
    ["kernel/mail.ts", "../modules/identity/index.ts", "The kernel imports only the kernel"],
    ["kernel/mail.ts", "../app/server.ts", "Nobody imports app"],
    ["modules/contacts/service.ts", "../../app/server.ts", "Nobody imports app"],
    ["modules/contacts/service.ts", "../identity/store.ts", "Import the public face modules/identity/index.ts"],
    ["modules/contacts/service.ts", "../conversations/index.ts", "contacts stands above conversations"],
    ["modules/contacts/service.ts", "../../connectors/mail/index.ts", "Modules do not import connectors"],
    ["modules/gadgets/service.ts", "../identity/index.ts", "no place in the order yet"],
    [
      "connectors/mail/inbound.ts",
      "../../modules/contacts/index.ts",
      "A connector imports the kernel and contracts only",
    ],
    ["connectors/mail/inbound.ts", "../sms/inbound.ts", "A connector imports the kernel and contracts only"],
    ["app/server.ts", "../modules/contacts/service.ts", "Import the public face modules/contacts/index.ts"],
    ["kernel/mail.ts", "./testing.ts", "The product never imports what is there for tests"],
    [
      "modules/contacts/contacts.test.ts",
      "../identity/store.ts",
      "A test uses other modules through their public face",
    ],
  ])("%s may not import %s", (file, specifier, message) => {
    expect(check(`${server}/${file}`, `import { x } from "${specifier}";\n`)).toEqual([
      expect.stringMatching(new RegExp(`^1: .*${message.replaceAll(".", "\\.")}`)),
    ]);
  });

  test.each([
    ["kernel/mail.ts", "./log.ts"],
    ["main.ts", "./app/server.ts"],
    ["app/server.ts", "../modules/contacts/index.ts"],
    ["app/server.ts", "../connectors/mail/index.ts"],
    ["modules/conversations/service/close.ts", "../../contacts/index.ts"],
    ["modules/conversations/service/close.ts", "../store.ts"],
    ["modules/conversations/service/close.ts", "../../../kernel/events.ts"],
    ["connectors/mail/inbound.ts", "./manifest.ts"],
    ["modules/contacts/contacts.test.ts", "../conversations/index.ts"],
    ["modules/contacts/contacts.test.ts", "../../kernel/testing.ts"],
    ["kernel/testing.ts", "../modules/identity/index.ts"],
  ])("%s may import %s", (file, specifier) => {
    expect(check(`${server}/${file}`, `import { x } from "${specifier}";\n`)).toEqual([]);
  });

  test("imports in comments and strings are no imports; those over several lines are", () => {
    const text =
      '// import { x } from "../../app/a.ts";\nconst s = `import { x } from "../../app/a.ts"`;\nexport {\n  s,\n};\n';
    expect(check(`${server}/modules/contacts/rules.ts`, text)).toEqual([]);
    expect(
      check(`${server}/modules/contacts/rules.ts`, 'import type {\n  A,\n  B,\n} from "../../app/a.ts";\n'),
    ).toEqual([expect.stringMatching(/^4: Nobody imports app/)]);
  });
});

describe("tables", () => {
  test("a store names its own tables only", () => {
    const store = `${server}/modules/contacts/store.ts`;
    expect(
      check(store, "const a = sql<{ id: string; n: number }>`select id, n from contact c, unnest(${ids}) as i`;\n"),
    ).toEqual([]);
    expect(check(store, "const a = sql<{ id: string; n: number }>`\n  select 1\n  from conversation`;\n")).toEqual([
      "3: The table conversation belongs to conversations: call the public face of conversations, or read it in views.ts.",
    ]);
    expect(check(store, "const a = sql`select 1 from contact c, conversation v`;\n")).toHaveLength(1);
    expect(check(store, "await client.query('insert into event (id) values (1)');\n")[0]).toContain(
      "belongs to the kernel",
    );
    expect(check(store, 'await db\n  .updateTable("conversation")\n  .set({});\n')[0]).toMatch(
      /^2: The table conversation/,
    );
    expect(
      check(store, 'await db.selectFrom("contact as c").innerJoin("conversation as v", "v.id", "c.id");\n'),
    ).toHaveLength(1);
    expect(check(store, "const db = tx.withTables<{ conversation: Row }>();\n")).toHaveLength(1);
  });

  test("a name that the SQL defines itself is no table", () => {
    const text = "const a = sql`with conversation as (select 1 from contact) select * from conversation`;\n";
    expect(check(`${server}/modules/contacts/store.ts`, text)).toEqual([]);
  });

  test("the SQL in a template within a template is seen", () => {
    const text = "const a = sql`select 1 from contact where ${sql`exists (select 1 from conversation)`}`;\n";
    expect(check(`${server}/modules/contacts/store.ts`, text)).toHaveLength(1);
  });

  test("views read every table and write none", () => {
    const views = `${server}/modules/contacts/views.ts`;
    expect(check(views, "const a = sql`select 1 from contact join conversation on true for update`;\n")).toEqual([]);
    expect(check(views, "const a = sql`update contact set id = 1`;\n")[0]).toContain("Views only read");
    expect(check(views, 'await db.deleteFrom("contact").execute();\n')[0]).toContain("Views only read");
  });

  test("SQL has its places", () => {
    expect(check(`${server}/modules/contacts/service.ts`, "const a = sql`select now()`;\n")[0]).toContain(
      "SQL lives in store.ts",
    );
    expect(
      check(`${server}/modules/contacts/service.ts`, 'const text = "Removed from contact list, update it";\n'),
    ).toEqual([]);
    expect(
      check(`${server}/modules/contacts/service.ts`, "const pattern = /`/; // select\nconst b = `select`;\n"),
    ).toEqual([]);
    rmSync(join(root, server, "modules"), { recursive: true });
    expect(check(`${server}/kernel/events.ts`, "const a = sql`insert into event (id) values (1)`;\n")).toEqual([]);
    expect(check(`${server}/kernel/events.ts`, "const a = sql`select 1 from contact`;\n")).toHaveLength(1);
  });
});

test("the clock is asked, not Date", () => {
  const file = `${server}/modules/contacts/service.ts`;
  expect(check(file, "// new Date()\nconst a = new Date(0);\nconst b = new Date();\n")).toEqual([
    expect.stringMatching(/^3: Ask ctx\.clock/),
  ]);
  expect(check(file, "const b = Date.now();\n")).toHaveLength(1);
  rmSync(join(root, file));
  expect(check(`${server}/kernel/clock.ts`, "export const now = () => new Date();\n")).toEqual([]);
});

test("docs/architecture.md names the modules in the order that is checked", () => {
  const text = readFileSync(join(import.meta.dirname, "../docs/architecture.md"), "utf8");
  const table = text.slice(text.search(/^\| module +\| owns/m));
  const rows = [...table.slice(0, table.indexOf("\n\n")).matchAll(/^\| (\w+) +\|/gm)].map((match) => match[1]);
  expect(rows.slice(1)).toEqual([...moduleOrder]);
});
