// The connections of the load generator.
import { type DialectName, dialects, type Read, readFrame } from "../dialects.ts";
import { type ClientSocket, openClient, sourceAddress, textFrame } from "./client.ts";
import type { Person } from "./load.ts";

/** A client tells what it has received once a second or after so many events (delivery contract, chapter 3). */
const ackEveryMs = 1_000;
const ackEveryEvents = 50;
const ackSlots = 20;
const readyWithinMs = 20_000;

type Talker = Person & { socket: ClientSocket; index: number; toAck: Map<string, number>; waiting: number };

export type Crowd = {
  /** Adds people and resolves when all of them are ready. */
  connect(people: Person[], atOnce: number): Promise<void>;
  loginOf(index: number): string;
  write(index: number, frame: Buffer): void;
  /** Notes what a person has received; the acknowledgement follows in time. */
  received(index: number, conversationId: string, seq: number): void;
  acknowledgeAll(): void;
  /** The server has closed a connection. */
  isBroken(): boolean;
  hangUp(): void;
};

/** `hear` gets what the people hear, by their place in the crowd. */
export function createCrowd(
  dialectName: DialectName,
  port: number,
  hear: (index: number, read: NonNullable<Read>) => void,
): Crowd {
  const dialect = dialects[dialectName];
  let talkers: Talker[] = [];
  /** Changes when we hang up ourselves: a connection of an earlier generation may end. */
  let generation = 0;
  let isBroken = false;
  let slot = 0;

  function open(person: Person, index: number): Promise<Talker> {
    return new Promise((resolve, reject) => {
      const talker: Talker = { ...person, socket: { write() {}, close() {} }, index, toAck: new Map(), waiting: 0 };
      const mine = generation;
      let turn = 0;
      let isReady = false;
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(error);
      };
      const timer = setTimeout(() => fail(new Error("a connection did not become ready in time")), readyWithinMs);
      openClient({
        port,
        path: dialect.path(person.login),
        protocol: dialect.protocol,
        headers: { "X-Forwarded-For": person.address },
        sourceAddress: sourceAddress(index),
        onText(data, start, end) {
          if (isReady) return heard(talker, data, start, end);
          try {
            const greeting = dialect.greet(person.login, data.toString("utf8", start, end), turn++);
            if (greeting.say !== null) talker.socket.write(textFrame(greeting.say));
            if (!greeting.isReady) return;
          } catch (error) {
            return fail(error as Error);
          }
          isReady = true;
          clearTimeout(timer);
          resolve(talker);
        },
        onClose() {
          fail(new Error("the server closed a connection"));
          if (generation === mine) isBroken = true;
        },
      }).then((socket) => {
        talker.socket = socket;
        const hello = dialect.hello(person.login);
        if (hello !== null) socket.write(textFrame(hello));
      }, fail);
    });
  }

  function heard(talker: Talker, data: Buffer, start: number, end: number): void {
    // Socket.IO's own heartbeat.
    if (dialectName === "socketio" && end - start === 1 && data[start] === 50) {
      return talker.socket.write(textFrame("3"));
    }
    const read = readFrame(dialectName, data, start, end);
    if (read) hear(talker.index, read);
  }

  function acknowledge(talker: Talker): void {
    talker.waiting = 0;
    for (const [conversationId, seq] of talker.toAck) {
      talker.socket.write(textFrame(`{"type":"ack","conversationId":"${conversationId}","seq":${seq}}`));
    }
    talker.toAck.clear();
  }

  const timer = setInterval(() => {
    slot = (slot + 1) % ackSlots;
    for (let index = slot; index < talkers.length; index += ackSlots) {
      const talker = talkers[index];
      if (talker && talker.toAck.size > 0) acknowledge(talker);
    }
  }, ackEveryMs / ackSlots);
  timer.unref();

  return {
    async connect(people, atOnce) {
      const waiting = people.map((person, offset) => ({ person, index: talkers.length + offset }));
      const work = async () => {
        for (let next = waiting.shift(); next; next = waiting.shift()) {
          talkers[next.index] = await open(next.person, next.index);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
    },
    loginOf: (index) => talkers[index]!.login,
    write: (index, frame) => talkers[index]!.socket.write(frame),
    received(index, conversationId, seq) {
      const talker = talkers[index]!;
      talker.toAck.set(conversationId, seq);
      if (++talker.waiting >= ackEveryEvents) acknowledge(talker);
    },
    acknowledgeAll() {
      for (const talker of talkers) acknowledge(talker);
    },
    isBroken: () => isBroken,
    hangUp() {
      generation++;
      for (const talker of talkers) talker?.socket.close();
      talkers = [];
      isBroken = false;
    },
  };
}
