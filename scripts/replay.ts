// `npm run replay -- FILE [--speed N] [--conversations N]`: drives a running Press Zero with real dialogues, through the
// public SDK alone, and checks that nothing was lost, changed, doubled or put out of order.
//
// FILE holds one dialogue a line (JSON, plain or gzip): { id, turns: [{ role: "customer" | "agent" | "action", text, t? }] }.
// What the agent looked up ("action") is sent as an internal note: the customer must never see it. `t` is in seconds.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createGunzip } from "node:zlib";
import type { ConversationId, MessageKind } from "@presszero/contracts";
import { type ApiClient, ApiError, createApi, createSync, memoryStorage, type Sync, thread } from "@presszero/sdk";

type Turn = { role: "customer" | "agent" | "action"; text: string; t?: number };
type Dialogue = { id: string; turns: Turn[] };
type Person = { api: ApiClient; sync: Sync };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { speed: { type: "string", default: "100" }, conversations: { type: "string" } },
});
const [file] = positionals;
const speed = Number(values.speed);
const most = values.conversations === undefined ? Number.POSITIVE_INFINITY : Number(values.conversations);
if (!file || !(speed > 0) || !(most > 0)) {
  console.error("Usage: npm run replay -- FILE [--speed N] [--conversations N]");
  console.error(
    "PRESSZERO_URL, PRESSZERO_EMAIL and PRESSZERO_PASSWORD name the server and an agent (default: the demo's).",
  );
  process.exit(2);
}
const baseUrl = process.env.PRESSZERO_URL ?? "http://localhost:4000";
const credentials = {
  email: process.env.PRESSZERO_EMAIL ?? "amara@demo.presszero.example",
  password: process.env.PRESSZERO_PASSWORD ?? "press-zero-demo",
};
const customersAtOnce = 40;
const agentsAtOnce = 4;
/** A message that is not through after this long counts as lost; clients come back within two minutes of an outage. */
const patienceMs = 180_000;
const pauseAtMostMs = 10_000;

const progress = { begun: 0, finished: 0, messages: 0, problems: [] as string[] };
const startedAt = performance.now();

async function* readDialogues(path: string): AsyncGenerator<Dialogue> {
  const bytes = createReadStream(path);
  const lines = createInterface({ input: path.endsWith(".gz") ? bytes.pipe(createGunzip()) : bytes });
  for await (const line of lines) if (line.trim()) yield JSON.parse(line) as Dialogue;
}

/** Repeats a request that the server asks to repeat later. */
async function patiently<T>(request: () => Promise<T>): Promise<T> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ApiError) || !error.retry || performance.now() > until) throw error;
      await sleep(error.retryAfterMs ?? 500);
    }
  }
}

async function connectAgent(): Promise<Person> {
  const open = createApi({ baseUrl });
  const { token } = await patiently(() => open("POST /v1/sessions", { body: { ...credentials, transport: "token" } }));
  return connect(token!, "business", memoryStorage());
}

async function connectCustomer(widgetKey: string): Promise<Person> {
  const storage = memoryStorage();
  const open = createApi({ baseUrl });
  const { consent } = await open("GET /v1/widgets/:widgetKey", { params: { widgetKey } });
  const { token } = await patiently(() =>
    open("POST /v1/widgets/:widgetKey/guests", {
      params: { widgetKey },
      body: { deviceId: storage.deviceId, consent: { version: consent.version, locale: "en" } },
    }),
  );
  return connect(token, "contact", storage);
}

function connect(token: string, side: "business" | "contact", storage: ReturnType<typeof memoryStorage>): Person {
  const api = createApi({ baseUrl, token });
  const sync = createSync({ api, baseUrl, side, client: "replay/1", storage });
  sync.start();
  return { api, sync };
}

/** Resolves when `isTrue` holds in the client's state; rejects when that takes too long. */
function until(sync: Sync, what: string, isTrue: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = () => {
      if (!isTrue()) return;
      clearTimeout(timer);
      stop();
      resolve();
    };
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`waited in vain for ${what}`));
    }, patienceMs);
    const stop = sync.subscribe(check);
    check();
  });
}

/** Texts of the confirmed messages that this client shows. */
function shown(person: Person, id: ConversationId): string[] {
  return thread(person.sync.getState(), id).flatMap((item) => (item.type === "message" ? [item.message.text] : []));
}

async function play(dialogue: Dialogue, customer: Person, agent: Person): Promise<void> {
  const turns = dialogue.turns.filter((turn) => turn.text.trim() !== "");
  const firstByCustomer = turns.findIndex((turn) => turn.role === "customer");
  if (firstByCustomer < 0) return;
  // A conversation is started by its customer; what the agent did before comes right after.
  turns.unshift(...turns.splice(firstByCustomer, 1));

  customer.sync.send(null, { kind: "text", text: turns[0]!.text });
  await until(customer.sync, "the conversation to start", () => customer.sync.getState().started !== null);
  const id = customer.sync.getState().started!;
  const closeCustomer = customer.sync.open(id);
  const closeAgent = agent.sync.open(id);
  progress.messages++;

  const sent = { customer: 1, all: 1 };
  for (const [index, turn] of turns.entries()) {
    if (index === 0) continue;
    const pause = ((turn.t ?? 0) - (turns[index - 1]!.t ?? turn.t ?? 0)) * (1000 / speed);
    await sleep(Math.min(Math.max(pause, 0), pauseAtMostMs));
    // People answer to what they see: the speaker waits for everything that was said before.
    const speaker = turn.role === "customer" ? customer : agent;
    const visible = turn.role === "customer" ? sent.customer : sent.all;
    await until(speaker.sync, `message ${visible} of ${dialogue.id}`, () => shown(speaker, id).length >= visible);
    // A customer cannot wait for a note, but the order of the dialogue puts it first.
    if (turns[index - 1]!.role === "action") {
      await until(
        agent.sync,
        `the note before message ${sent.all + 1} of ${dialogue.id}`,
        () => shown(agent, id).length >= sent.all,
      );
    }
    const kind: MessageKind = turn.role === "action" ? "note" : "text";
    speaker.sync.send(id, { kind, text: turn.text });
    sent.all++;
    if (kind === "text") sent.customer++;
    progress.messages++;
  }
  await until(customer.sync, `the end of ${dialogue.id}`, () => shown(customer, id).length >= sent.customer);
  await until(agent.sync, `the end of ${dialogue.id}`, () => shown(agent, id).length >= sent.all);

  const said = turns.filter((turn) => turn.role !== "action").map((turn) => turn.text);
  const all = turns.map((turn) => turn.text);
  compare(dialogue.id, "shown to the customer", shown(customer, id), said);
  compare(dialogue.id, "shown to the agent", shown(agent, id), all);
  closeCustomer();
  closeAgent();
  await patiently(() => agent.api("POST /v1/conversations/:conversationId/close", { params: { conversationId: id } }));
  compare(dialogue.id, "stored for the customer", await readBack(customer.api, "my/", id), said);
  compare(dialogue.id, "stored for the agent", await readBack(agent.api, "", id), all);
}

/** Reads all events of a conversation; also checks that they are numbered without a gap. */
async function readBack(api: ApiClient, scope: "" | "my/", id: ConversationId): Promise<string[]> {
  const texts: string[] = [];
  let after = 0;
  for (;;) {
    const page = await patiently(() =>
      api(`GET /v1/${scope}conversations/:conversationId/events`, {
        params: { conversationId: id },
        query: { after, limit: 200 },
      }),
    );
    for (const event of page.events) {
      if (event.seq !== after + 1) progress.problems.push(`${id}: seq ${event.seq} follows ${after}`);
      after = event.seq;
      if (event.kind === "message.created") texts.push(event.data.text);
    }
    if (!page.more) return texts;
  }
}

function compare(dialogue: string, where: string, actual: string[], expected: string[]): void {
  const wrong = expected.findIndex((text, index) => text !== actual[index]);
  if (wrong < 0 && actual.length === expected.length) return;
  const at = wrong < 0 ? expected.length : wrong;
  progress.problems.push(
    `${dialogue}, ${where}: ${actual.length} of ${expected.length} texts, first difference at ${at + 1}: ` +
      `expected ${JSON.stringify(expected[at])}, found ${JSON.stringify(actual[at])}`,
  );
}

function report(): string {
  const seconds = (performance.now() - startedAt) / 1000;
  return (
    `${progress.finished} of ${progress.begun} conversations done, ${progress.messages} messages, ` +
    `${(progress.messages / seconds).toFixed(0)}/s, ${progress.problems.length} problems, ${seconds.toFixed(0)} s`
  );
}

const agents = await Promise.all(Array.from({ length: agentsAtOnce }, connectAgent));
const who = await agents[0]!.api("GET /v1/me");
if (who.type !== "agent") throw new Error("The login is not an agent.");
const dialogues = readDialogues(file);
const ticker = setInterval(() => console.log(report()), 5_000);

async function customerLane(lane: number): Promise<void> {
  let customer: Person | null = null;
  for (;;) {
    if (progress.begun >= most) break;
    progress.begun++;
    const { value: dialogue, done } = await dialogues.next();
    if (done || !dialogue) {
      progress.begun--;
      break;
    }
    try {
      customer ??= await connectCustomer(who.type === "agent" ? who.company.widgetKey : "");
      await play(dialogue, customer, agents[lane % agents.length]!);
    } catch (error) {
      progress.problems.push(`${dialogue.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
    progress.finished++;
  }
  customer?.sync.stop();
}

await Promise.all(Array.from({ length: customersAtOnce }, (_, lane) => customerLane(lane)));
clearInterval(ticker);
for (const agent of agents) agent.sync.stop();
console.log(report());
for (const problem of progress.problems.slice(0, 20)) console.error(problem);
if (progress.problems.length > 20) console.error(`… and ${progress.problems.length - 20} more`);
console.log(
  progress.problems.length === 0 ? "Every text came through, once and in order." : "Some texts did not come through.",
);
process.exit(progress.problems.length === 0 && progress.finished > 0 ? 0 : 1);
