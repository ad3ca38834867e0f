// For tests only: the real server, which kills itself with SIGKILL at one point of the next message's commit.
// CRASH=after_commit: Postgres has committed, the answer is not sent. CRASH=before_commit: the statement is on its way.
import pg from "pg";

const { query } = pg.Client.prototype;
const point = process.env.CRASH;

pg.Client.prototype.query = function crashing(this: pg.Client, ...args: unknown[]) {
  const answer = query.apply(this, args as never) as unknown;
  const isCommit = (args[0] as { name?: string } | undefined)?.name === "commit_messages";
  if (isCommit && point === "before_commit") setImmediate(() => process.kill(process.pid, "SIGKILL"));
  if (isCommit && point === "after_commit") {
    return (answer as unknown as Promise<unknown>).then(() => {
      process.kill(process.pid, "SIGKILL");
      return new Promise(() => {});
    });
  }
  return answer;
} as typeof query;

await import("../main.ts");
