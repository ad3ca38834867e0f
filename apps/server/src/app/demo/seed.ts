import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  AgentId,
  CompanyId,
  ContactId,
  ConversationId,
  GuestSessionId,
  Role,
  SessionId,
} from "@presszero/contracts";
import { type Ctx, type SystemCtx, systemCtx } from "../../kernel/context.ts";
import { inTx } from "../../kernel/database.ts";
import { newId } from "../../kernel/ids.ts";
import { addMeta, findMeta } from "../../kernel/system-meta.ts";
import { createGuest } from "../../modules/contacts/index.ts";
import {
  assignConversation,
  closeConversation,
  getConversation,
  markRead,
  sendMessage,
  startConversation,
} from "../../modules/conversations/index.ts";
import { createAgent, createCompany, listCompanyIds, permissionsOf } from "../../modules/identity/index.ts";
import { backdate } from "./backdate.ts";

export const demoWidgetKey = "demoshop00000000";
const demoPassword = "press-zero-demo";
const people: readonly { title: string; name: string; email: string; role: Role }[] = [
  { title: "Admin", name: "Amara Okafor", email: "amara@demo.presszero.example", role: "company_admin" },
  { title: "Supervisor", name: "Jonas Weber", email: "jonas@demo.presszero.example", role: "supervisor" },
  { title: "Agent", name: "Lena Petrova", email: "lena@demo.presszero.example", role: "agent" },
];
export const demoLogins = people.map(({ title, email }) => ({ title, email, password: demoPassword }));

type Dialogue = { id: string; name: string; turns: { role: "customer" | "agent"; text: string; t: number }[] };
type Cast = { companyId: CompanyId; agents: AgentId[]; contacts: { id: ContactId; sessionId: GuestSessionId }[] };

/** How the seeded conversations stand: who has them, and how many minutes ago they began. The rest is the dialogues'. */
const standing: readonly { agent: number | null; minutesAgo: number; isClosed?: true; turns?: number }[] = [
  { agent: null, minutesAgo: 6, turns: 1 },
  { agent: 0, minutesAgo: 14, turns: 7 },
  { agent: null, minutesAgo: 25, turns: 3 },
  { agent: 0, minutesAgo: 52, turns: 5 },
  { agent: 2, minutesAgo: 95 },
  { agent: 1, minutesAgo: 60 * 5, isClosed: true },
  { agent: 0, minutesAgo: 60 * 22, isClosed: true },
  { agent: 2, minutesAgo: 60 * 27, isClosed: true },
  { agent: 1, minutesAgo: 60 * 50, isClosed: true },
];

/**
 * Fills an empty database with the demo company; true when it has one. `ownerUrl` is the login that owns the tables.
 * Every step repeats without harm, so a seed that was interrupted is finished at the next start.
 */
export async function seedDemo(system: SystemCtx, ownerUrl: string): Promise<boolean> {
  const found = await inTx(system, (tx) => findMeta(tx, "demo_cast"));
  if (found === null && (await listCompanyIds(system)).length > 0) return false;
  const cast = found === null ? await createCast(system) : (JSON.parse(found) as Cast);
  if ((await inTx(system, (tx) => findMeta(tx, "demo_is_complete"))) !== null) return true;
  const began = new Map<ConversationId, Date[]>();
  for (const [index, dialogue] of readDialogues().entries()) {
    const stand = standing[index]!;
    const start = system.clock.now().getTime() - stand.minutesAgo * 60_000;
    const turns = dialogue.turns.slice(0, stand.turns ?? dialogue.turns.length);
    const id = await playDialogue(system, cast, index, { ...dialogue, turns });
    began.set(
      id,
      turns.map((turn) => new Date(start + turn.t * 1000)),
    );
  }
  await backdate(ownerUrl, began);
  await inTx(system, (tx) => addMeta(tx, "demo_is_complete", "true"));
  return true;
}

function readDialogues(): Dialogue[] {
  const lines = readFileSync(join(import.meta.dirname, "dialogues.jsonl"), "utf8")
    .trim()
    .split("\n");
  return lines.slice(0, standing.length).map((line) => JSON.parse(line) as Dialogue);
}

async function createCast(system: SystemCtx): Promise<Cast> {
  const ctx = systemCtx(system, newId("company"), "seed");
  return inTx(ctx, async (tx) => {
    await createCompany(tx, { name: "Kestrel & Finch", widgetKey: demoWidgetKey, accentColor: "#0f766e" });
    const agents: AgentId[] = [];
    for (const { name, email, role } of people) {
      agents.push((await createAgent(tx, { name, email, role, password: demoPassword })).id);
    }
    const contacts: Cast["contacts"] = [];
    for (const { id, name } of readDialogues()) {
      const input = { deviceId: uuidOf(`device ${id}`), consent: { version: "v1", locale: "en" }, name };
      const guest = await createGuest(tx, demoWidgetKey, input, { ip: "127.0.0.1", userAgent: "demo", origin: null });
      if (guest.me.type !== "contact") throw new Error("a guest is a contact");
      contacts.push({ id: guest.me.id, sessionId: "gst_demo" as GuestSessionId });
    }
    const cast: Cast = { companyId: tx.companyId, agents, contacts };
    await addMeta(tx, "demo_cast", JSON.stringify(cast));
    return cast;
  });
}

async function playDialogue(system: SystemCtx, cast: Cast, index: number, dialogue: Dialogue): Promise<ConversationId> {
  const { agent, isClosed } = standing[index]!;
  const customer: Ctx = {
    ...system,
    companyId: cast.companyId,
    actor: { type: "contact", name: dialogue.name, ...cast.contacts[index]! },
  };
  const staff = staffCtx(system, cast, agent ?? 2);
  const input = (turn: number) => ({
    deviceId: uuidOf(`device ${dialogue.id}`),
    clientId: uuidOf(`${dialogue.id} ${turn}`),
    message: { kind: "text" as const, text: dialogue.turns[turn]!.text },
  });
  const first = await startConversation(customer, input(0));
  const id = first.conversationId;
  for (let turn = 1; turn < dialogue.turns.length; turn++) {
    await sendMessage(dialogue.turns[turn]!.role === "customer" ? customer : staff, id, input(turn));
  }
  if (agent !== null) await assignConversation(staffCtx(system, cast, 0), id, cast.agents[agent]!);
  if (index === 1) {
    const note = { kind: "note" as const, text: "Regular customer. Please be generous with the rebooking fee." };
    await sendMessage(staff, id, { deviceId: uuidOf("notes"), clientId: uuidOf(`${dialogue.id} note`), message: note });
  }
  if (agent !== null) await markRead(customer, id, Number.MAX_SAFE_INTEGER);
  if (isClosed) {
    await markRead(staffCtx(system, cast, 0), id, Number.MAX_SAFE_INTEGER);
    if ((await getConversation(staff, id)).status === "open") await closeConversation(staff, id);
  }
  return id;
}

function staffCtx(system: SystemCtx, cast: Cast, index: number): Ctx {
  const { name, role } = people[index]!;
  const id = cast.agents[index]!;
  const permissions = permissionsOf(role, false);
  return {
    ...system,
    companyId: cast.companyId,
    actor: { type: "agent", id, name, role, permissions, sessionId: "ses_demo" as SessionId },
  };
}

/** A UUID that is always the same for the same text: repeats of the seed find what they did before. */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(`demo ${text}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
