// The load generator as seen from the bench: a process of its own, so that its processor time is known.
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { DialectName } from "../dialects.ts";
import type { Latencies } from "./hist.ts";

export type Person = { login: string; address: string };
/** Two people by their place in the list; for an echo both are the same. */
export type Pair = { conversationId: string; ends: [number, number] };

export type Command =
  | { type: "target"; dialect: DialectName; port: number }
  | { type: "connect"; people: Person[]; atOnce: number }
  | { type: "pairs"; pairs: Pair[] }
  | { type: "closed"; warmMs: number; ms: number }
  | { type: "open"; rate: number; warmMs: number; ms: number }
  | { type: "disconnect" };

export type LoadResult = {
  /** Delivered, and confirmed where the protocol confirms, within the measured time. */
  messages: number;
  seconds: number;
  latency: Latencies;
  /** Of the load generator itself. */
  clientCores: number;
  /** Sent but not both delivered and confirmed ten seconds after the end, or when the connection broke. */
  unfinished: number;
  /** An event that did not follow the one before it. */
  gaps: number;
  errors: string[];
  /** Confirmed so far, by pair, warm-ups included, each message once. */
  confirmed: number[];
  broken: boolean;
};

export type Answer =
  | { type: "done"; result?: LoadResult }
  | { type: "failed"; reason: string }
  | { type: "measuring" | "measured" };

export type Load = {
  pid: number;
  target(dialect: DialectName, port: number): Promise<void>;
  /** Adds people and resolves when all of them are ready. */
  connect(people: Person[], atOnce?: number): Promise<void>;
  pairs(pairs: Pair[]): Promise<void>;
  /** Each pair sends its next message when the last one has arrived. `marks` are called as the measured time begins and ends. */
  closed(time: Time, marks?: Marks): Promise<LoadResult>;
  /** So many messages a second, whatever comes back. */
  open(rate: number, time: Time, marks?: Marks): Promise<LoadResult>;
  disconnect(): Promise<void>;
  stop(): void;
};
export type Time = { warmMs: number; ms: number };
export type Marks = { measuring(): void; measured(): void };

export function startLoad(): Load {
  const child: ChildProcess = fork(join(import.meta.dirname, "../client-proc.ts"), [], { serialization: "advanced" });

  function ask(command: Command, marks?: Marks): Promise<LoadResult | undefined> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        child.off("message", onMessage);
        child.off("exit", onExit);
      };
      const onExit = () => {
        settle();
        reject(new Error("the load generator has ended"));
      };
      const onMessage = (answer: Answer) => {
        switch (answer.type) {
          case "measuring":
            return marks?.measuring();
          case "measured":
            return marks?.measured();
          case "failed":
            settle();
            return reject(new Error(answer.reason));
          case "done":
            settle();
            return resolve(answer.result);
        }
      };
      child.on("message", onMessage);
      child.on("exit", onExit);
      child.send(command);
    });
  }

  return {
    pid: child.pid!,
    target: async (dialect, port) => void (await ask({ type: "target", dialect, port })),
    connect: async (people, atOnce = 50) => void (await ask({ type: "connect", people, atOnce })),
    pairs: async (pairs) => void (await ask({ type: "pairs", pairs })),
    closed: async (time, marks) => (await ask({ type: "closed", ...time }, marks))!,
    open: async (rate, time, marks) => (await ask({ type: "open", rate, ...time }, marks))!,
    disconnect: async () => void (await ask({ type: "disconnect" })),
    stop: () => void child.kill("SIGKILL"),
  };
}
