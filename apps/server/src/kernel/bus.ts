import type { Author, CompanyId } from "@presszero/contracts";

/**
 * A recorded fact. `subjectId` is what it happened to; a conversation numbers its events without gaps in two lanes: `seq`
 * counts all, `publicSeq` those that its customer may see (for a staff-only event: the count so far).
 */
export type RecordedEvent = {
  companyId: CompanyId;
  subjectId: string;
  seq: number;
  publicSeq: number;
  isPublic: boolean;
  type: string;
  actor: Author;
  /** Id of the row that holds the content, e.g. the message; the log does not repeat it. */
  refId: string | null;
  data: Record<string, unknown>;
  at: Date;
  /** Content of the row at `refId` where the process that published the event has it at hand. */
  content?: unknown;
};

/** Something that passes by and is not recorded, such as typing or a moved read mark. */
export type Signal = {
  companyId: CompanyId;
  /** What it is about, e.g. a conversation. */
  subjectId: string;
  kind: string;
  by: Author;
  data: unknown;
};

/**
 * Port: tells the parts of this process what was committed and what passes by. It carries hints only: whoever needs
 * certainty reads the event log or the tables, so a lost or repeated hint does no harm.
 */
export type Bus = {
  publish(events: readonly RecordedEvent[]): void;
  signal(signal: Signal): void;
  /** Both return the function that ends the subscription. */
  onEvents(listener: (events: readonly RecordedEvent[]) => void): () => void;
  onSignal(listener: (signal: Signal) => void): () => void;
};

export function createBus(onError: (error: unknown) => void): Bus {
  const events = new Set<(events: readonly RecordedEvent[]) => void>();
  const signals = new Set<(signal: Signal) => void>();
  function tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        onError(error);
      }
    }
  }
  function listen<T>(listeners: Set<T>, listener: T): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }
  return {
    publish(published) {
      if (published.length > 0) tell(events, published);
    },
    signal: (signal) => tell(signals, signal),
    onEvents: (listener) => listen(events, listener),
    onSignal: (listener) => listen(signals, listener),
  };
}
