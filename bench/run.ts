// `npm run bench -- [suite…] [--quick | --full]`: measures the product beside what it could be at most, on one machine in
// one run, and judges the ratios by bench/goals.json.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Bench, createBench } from "./bench.ts";
import { stopAllChildren } from "./lib/child.ts";
import { calibrate } from "./lib/gate.ts";
import { judgeGoals } from "./lib/goals.ts";
import { summariseProfile } from "./lib/profile.ts";
import { printGoals, printMeasurements } from "./lib/report.ts";
import { measureInTurns, type Side } from "./lib/sides.ts";
import { ejabberdSide } from "./peers/ejabberd-peer.ts";
import { socketIoSide } from "./peers/socketio-peer.ts";
import { signIn } from "./people.ts";
import { startProduct } from "./product.ts";
import {
  type Chat,
  createPairs,
  echoSide,
  floorChat,
  type FloorChat,
  manySides,
  openSides,
  productChat,
} from "./suites/chat.ts";
import { crash } from "./suites/crash.ts";
import { dbLimits } from "./suites/db-limits.ts";
import { measureMemory } from "./suites/mem.ts";
import { measureStart } from "./suites/start.ts";

const quickSuites = ["db-limits", "ws-floor", "chat-closed", "chat-open"];
const fullSuites = [...quickSuites, "one-tx", "peers", "chat-10k", "mem", "start", "crash"];

const usage = `Usage: npm run bench -- [suite…] [--quick | --full] [--repetitions N] [--seconds N] [--rounds N] [--profile]
  Suites: ${fullSuites.join(", ")}
  --quick     ${quickSuites.join(", ")}, in about a minute (the default)
  --full      all suites, in about a quarter of an hour
  --rounds    rounds of the crash suite
  --profile   ends with a CPU profile of the server during chat-closed`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    repetitions: { type: "string", default: "3" },
    seconds: { type: "string" },
    rounds: { type: "string", default: "20" },
    profile: { type: "boolean", default: false },
  },
});
const isFull = values.full;
const suites = new Set(positionals.length > 0 ? positionals : isFull ? fullSuites : quickSuites);
// The rates of chat-open are shares of what chat-closed has found.
if (suites.has("chat-open")) suites.add("chat-closed");
const seconds = Number(values.seconds ?? (isFull ? 5 : 2));
const repetitions = Number(values.repetitions);
const crashRounds = Number(values.rounds);
const isWrong = [...suites].some((suite) => !fullSuites.includes(suite)) || (values.quick && isFull);
if (isWrong || !(seconds > 0) || !(repetitions >= 1) || !(crashRounds >= 1)) {
  console.error(usage);
  process.exit(2);
}

const warmMs = Math.min(1_500, seconds * 1_000);
/** Repeats for noise would make a quick run long on a busy machine. */
const mostRepeats = isFull ? Number.POSITIVE_INFINITY : 6;

function describeGit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

/** Everything in the order in which it needs each other; the sides of one group are measured in turns. */
async function measure(bench: Bench): Promise<void> {
  const verifications: [name: string, verify: Chat["verify"]][] = [];
  const sides: (Side | null)[] = [];
  let chat: Chat | null = null;
  let noDatabase: FloorChat | null = null;
  let oneTx: FloorChat | null = null;
  const hasChat = suites.has("chat-closed") || values.profile;
  step("preparing the people and the servers beside ours");
  const pairs = hasChat || suites.has("ws-floor") ? await createPairs(bench) : null;
  if (suites.has("db-limits")) sides.push(...(await dbLimits(bench)));
  if (pairs && suites.has("ws-floor")) {
    sides.push(await echoSide(bench));
    noDatabase = await floorChat(bench, "memory", pairs);
    sides.push(noDatabase.closed);
  }
  if (pairs && hasChat) {
    chat = await productChat(bench, pairs);
    verifications.push(["chat-closed", chat.verify]);
    sides.push(chat.closed);
  }
  if (suites.has("one-tx")) {
    oneTx = await floorChat(bench, "one-tx", await createPairs(bench));
    verifications.push(["one-tx-closed", oneTx.verify]);
    sides.push(oneTx.closed);
  }
  if (suites.has("peers")) sides.push(await socketIoSide(bench), await ejabberdSide(bench));
  const present = sides.filter((side) => side !== null);
  if (present.length > 0) {
    step(`measuring ${present.map((side) => side.name).join(", ")}`);
    await measureInTurns(present, bench.plan, bench.results);
  }

  if (chat && suites.has("chat-open")) {
    const open = openSides(bench, chat, oneTx);
    step(`measuring ${open.map((side) => side.name).join(", ")}`);
    // At light load it takes longer to see enough messages for a p99.
    await measureInTurns(open, { ...bench.plan, ms: Math.max(bench.plan.ms, isFull ? 5_000 : 0) }, bench.results);
  }
  if (chat && values.profile) await profile(bench, chat);
  await verify(bench, verifications);
  for (const side of present) await side.close?.();
  for (const floor of [noDatabase, oneTx]) await floor?.stop();
  bench.stopLoads();

  if (suites.has("chat-10k")) await measureMany(bench);
  if (suites.has("mem")) {
    step("measuring mem");
    await measureMemory(bench);
    bench.stopLoads();
  }
  if (suites.has("start")) {
    step("measuring start");
    await measureStart(bench);
  }
  if (suites.has("crash")) {
    step(`measuring crash, ${crashRounds} rounds`);
    await crash(bench);
  }
}

async function measureMany(bench: Bench): Promise<void> {
  step("preparing 10,000 people");
  const many = await manySides(bench);
  step(`measuring ${many.sides.map((side) => side.name).join(", ")}`);
  await measureInTurns(many.sides, bench.plan, bench.results);
  await verify(bench, [["chat-10k", many.verify]]);
  bench.stopLoads();
}

/** What the database holds decides whether the figures count. */
async function verify(bench: Bench, verifications: [string, Chat["verify"]][]): Promise<void> {
  for (const [name, check] of verifications) {
    const problems = await check();
    bench.results
      .get(name)
      ?.samples.at(-1)
      ?.problems.push(...problems);
    console.log(
      `  ${name}: ${problems.length === 0 ? "every acknowledged message is stored, once and in order" : "VOID"}`,
    );
  }
}

async function profile(bench: Bench, chat: Chat): Promise<void> {
  step("profiling the server during chat-closed");
  const file = join(results, `${name}.cpuprofile`);
  await bench.product.startProfile();
  const sample = await chat.closed.measure({ warmMs: 500, ms: Math.max(5_000, bench.plan.ms) });
  await bench.product.writeProfile(file);
  console.log(`  ${Math.round(sample.values.rate!)} messages/s while it was profiled; ${file}`);
  for (const { name: fn, place, percent } of summariseProfile(file).slice(0, 30)) {
    console.log(`  ${percent.toFixed(1).padStart(5)} %  ${fn}  ${place}`);
  }
}

function step(what: string): void {
  console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${what}`);
}

function printProblems(bench: Bench): number {
  let count = 0;
  for (const { name: side, samples } of bench.results.values()) {
    const problems = samples.flatMap((sample) => sample.problems);
    count += problems.length;
    for (const problem of problems.slice(0, 5)) console.log(`  ${side} is void: ${problem}`);
    if (problems.length > 5) console.log(`  ${side}: … and ${problems.length - 5} more`);
  }
  return count;
}

const began = performance.now();
const results = join(import.meta.dirname, "results");
mkdirSync(results, { recursive: true });
const git = describeGit();
const name = `${new Date().toISOString().slice(0, 19).replaceAll(":", "")}-${git}`;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => void stopAllChildren().then(() => process.exit(130)));
}
process.on("disconnect", () => void stopAllChildren().then(() => process.exit(130)));

step("starting the server with an empty database");
const product = await startProduct();
let failures = 0;
let bench: Bench | null = null;
try {
  const machine = calibrate(product.dataDir);
  console.log(
    `  ${machine.processors} × ${machine.model}, ${machine.memoryGb} GB, kernel ${machine.kernel}, Node ${machine.node}; ` +
      `${machine.fdatasyncPerSecond} fdatasync/s, ${machine.sha256PerSecond} sha256/s, longest gap ${machine.loopGapMs} ms`,
  );
  const plan = { repetitions, warmMs, ms: seconds * 1_000, budget: { repeats: mostRepeats } };
  bench = createBench({ product, admin: await signIn(product), isFull, plan, crashRounds });
  await measure(bench);
  console.log("");
  printMeasurements(bench.results);
  const goals = judgeGoals(bench.results, suites);
  printGoals(goals);
  failures = printProblems(bench);
  const file = join(results, `${name}.json`);
  const record = { at: new Date().toISOString(), git, arguments: process.argv.slice(2), machine, plan, goals };
  writeFileSync(file, `${JSON.stringify({ ...record, measured: [...bench.results.values()] }, null, 2)}\n`);
  step(`done; ${file}`);
} finally {
  bench?.stopLoads();
  await product.stop();
  await stopAllChildren();
}
process.exit(failures === 0 ? 0 : 1);
