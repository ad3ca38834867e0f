// kill -9 at full load, of the server and of PostgreSQL in turns. Whatever was acknowledged is stored, once, and the
// numbers have no hole; what was cut off is sent again with the same client id.
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench } from "../bench.ts";
import { killChild } from "../lib/child.ts";
import { processTree, takeSnapshot } from "../lib/proc.ts";
import { addSample, noteConfirmed, verifyCast } from "../lib/sides.ts";
import { connectToProduct, createCast } from "../people.ts";
import type { Product } from "../product.ts";

const pairs = 200;
const longestMs = 60_000;
const idle = { server: 0, database: 0, client: 0, other: 0, steal: 0 };

export async function crash(bench: Bench): Promise<void> {
  const { product } = bench;
  const cast = await createCast(product, bench.admin, { customers: pairs, agentSockets: pairs });
  const load = bench.newLoad();
  await connectToProduct(cast, load);
  const problems: string[] = [];
  let faults = 0;
  let resent = 0;
  for (let round = 0; round < bench.crashRounds; round++) {
    const running = load.closed({ warmMs: 0, ms: longestMs });
    // Never at the same point of the server's own two-second rounds.
    await sleep(700 + ((round * 370) % 1_500));
    await kill(product, round % 2 === 0 ? "server" : "postgres");
    const cutOff = await running;
    noteConfirmed(cast, cutOff);
    resent += cutOff.unfinished;
    if (!cutOff.broken) problems.push(`round ${round + 1} cut no connection`);
    await product.restart();
    // What was cut off may be stored without anybody knowing: that is the client's to find out.
    const verdict = await verifyCast(cast);
    faults += verdict.lost + verdict.duplicated + verdict.gaps;
    problems.push(...verdict.problems.filter((problem) => !problem.includes("only")));
    await load.disconnect();
    await connectToProduct(cast, load);
    process.stdout.write(".");
  }
  const last = await load.closed({ warmMs: 0, ms: 500 });
  noteConfirmed(cast, last);
  const verdict = await verifyCast(cast);
  faults += verdict.lost + verdict.unexpected + verdict.duplicated + verdict.gaps + last.unfinished;
  problems.push(...verdict.problems, ...last.errors);
  const acknowledged = last.confirmed.reduce((sum, count) => sum + count, 0);
  console.log(`\n  ${acknowledged} messages acknowledged, ${resent} cut off and sent again`);
  const side = { name: "crash", unit: `faults in ${bench.crashRounds} rounds` };
  addSample(bench.results, side, { values: { faults }, cores: idle, isClientBound: false, problems });
}

async function kill(product: Product, what: "server" | "postgres"): Promise<void> {
  if (what === "postgres") {
    for (const pid of processTree(takeSnapshot(), product.cluster.pid)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended with its parent.
      }
    }
    // The server lives on without its database for a moment, and must not acknowledge anything.
    await sleep(300);
  }
  await killChild(product.child);
}
