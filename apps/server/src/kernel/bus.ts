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
  /** Moments of the process that published the event, by `performance.now()`: when it was asked for it, and when it was committed. */
  receivedAt?: number;
  committedAt?: number;
  /** It was asked for over a socket, and not over HTTP. */
  overSocket?: boolean;
};

/** Something that passes by and is not recorded, such as typing or a moved read mark. Holds nothing but JSON. */
export type Signal = {
  companyId: CompanyId;
  /** What it is about, e.g. a conversation. */
  subjectId: string;
  kind: string;
  by: Author;
  data: unknown;
  /** It comes from another process. */
  isRemote?: true;
};

/** Another process recorded an event; whoever needs the event reads it. */
export type Hint = Pick<RecordedEvent, "companyId" | "subjectId" | "seq" | "type" | "isPublic">;

/**
 * Port: tells the parts of this process what was committed and what passes by. It carries hints only: whoever needs
 * certainty reads the event log or the tables, so a lost or repeated hint does no harm. The relay brings in what other
 * processes tell.
 */
export type Bus = {
  publish(events: readonly RecordedEvent[]): void;
  signal(signal: Signal): void;
  hint(hint: Hint): void;
  /** These return the function that ends the subscription. Events are those of this process, hints those of others. */
  onEvents(listener: (events: readonly RecordedEvent[]) => void): () => void;
  onSignal(listener: (signal: Signal) => void): () => void;
  onHint(listener: (hint: Hint) => void): () => void;
};

export function createBus(onError: (error: unknown) => void): Bus {
  function channel<T>() {
    const listeners = new Set<(value: T) => void>();
    return {
      tell(value: T) {
        for (const listener of listeners) {
          try {
            listener(value);
          } catch (error) {
            onError(error);
          }
        }
      },
      listen(listener: (value: T) => void) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    };
  }
  const events = channel<readonly RecordedEvent[]>();
  const signals = channel<Signal>();
  const hints = channel<Hint>();
  return {
    publish(published) {
      if (published.length > 0) events.tell(published);
    },
    signal: signals.tell,
    hint: hints.tell,
    onEvents: events.listen,
    onSignal: signals.listen,
    onHint: hints.listen,
  };
}
