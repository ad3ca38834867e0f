import type { CompanyId } from "@presszero/contracts";
import type { SystemCtx } from "../../kernel/context.ts";
import type { RecordedEvent } from "../../kernel/bus.ts";
import { type Horizon, readChanges } from "./views.ts";

const intervalMs = 2_000;

export type Sweeper = {
  /** The bus has brought this event: no need to tell it again. */
  known(event: Pick<RecordedEvent, "companyId" | "subjectId" | "seq">): void;
  stop(): Promise<void>;
};

/**
 * Reads every two seconds what was committed since the last time, below the horizon, and tells what the bus of this
 * process did not bring: events of other processes, and hints that were lost (SR7).
 */
export async function startSweeper(
  system: SystemCtx,
  isAboutAccess: (type: string, subjectId: string) => boolean,
  on: {
    /** `isPublic`: customers learn of some of it too. */
    changed(companyId: CompanyId, subjectId: string, seq: number, isPublic: boolean): void;
    accessChanged(companyId: CompanyId, subjectId: string): void;
    /** Everything that was committed below this position has been told, by the bus or by `changed`. */
    swept(position: Horizon): void;
  },
): Promise<Sweeper> {
  const { worker } = system.database;
  /** What the bus brought since the last sweep, and in the round before that: enough, and it cannot grow for ever. */
  let known = new Map<string, number>();
  let knownBefore = new Map<string, number>();
  let position = (await readChanges(worker, null)).horizon;
  on.swept(position);
  let isStopped = false;
  let sweeping: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;

  async function sweep(): Promise<void> {
    try {
      const { changes, horizon } = await readChanges(worker, position);
      let lag = 0;
      for (const change of changes) {
        const companyId = change.companyId as CompanyId;
        const key = `${companyId} ${change.subjectId}`;
        const knownSeq = known.get(key) ?? knownBefore.get(key) ?? 0;
        if (knownSeq >= change.seq) continue;
        lag = Math.max(lag, change.ageSeconds);
        on.changed(companyId, change.subjectId, change.seq, change.newestPublic > knownSeq);
        if (change.types.some((type) => isAboutAccess(type, change.subjectId)))
          on.accessChanged(companyId, change.subjectId);
      }
      system.metrics.sweeperLagSeconds.set(lag);
      position = horizon;
      knownBefore = known;
      known = new Map();
      on.swept(position);
    } catch (error) {
      system.log.warn({ err: error }, "sweep failed");
    }
  }

  function schedule(): void {
    timer = setTimeout(() => {
      sweeping = sweep().then(() => {
        if (!isStopped) schedule();
      });
    }, intervalMs);
  }
  schedule();

  return {
    known: (event) => void known.set(`${event.companyId} ${event.subjectId}`, event.seq),
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await sweeping;
    },
  };
}
