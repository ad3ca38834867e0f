// What happens in one simulation: who is there, what they do, and what goes wrong, all of it from the seed. A plan is plain
// data, so a failing one can be made smaller piece by piece.
import { createRandom, type Random } from "../random.ts";
import type { Direction } from "./network.ts";

export type DeviceSpec = {
  name: string;
  company: "A" | "B";
  side: "business" | "contact";
  /** Devices with the same number on the same side of a company belong to one person. */
  person: number;
};

/** `pick` chooses among what there is at that moment. */
export type Action = { at: number; device: string; pick: number } & (
  | { do: "say" | "note"; count: number }
  | { do: "start" | "show" | "hide" | "read" | "older" | "retry" | "discard" | "wake" | "type" }
  | { do: "close" | "reopen" | "assign" | "answer" | "edit" | "delete" | "react" }
  /** Somebody of the other company tries everything with ids that are not theirs. */
  | { do: "trespass" }
  /** So many messages are stored at once in one conversation, by an API key; `length`: of each text. */
  | { do: "import"; count: number; length: number }
);

export type Fault = { at: number; ms: number } & (
  | { fault: "cut"; device: string; told: ("client" | "server")[] }
  | { fault: "block"; device: string; directions: Direction[] }
  | { fault: "slow"; device: string; delay: [number, number] }
  | { fault: "kill"; device: string; told: boolean }
  | { fault: "clock"; device: string; by: number }
  /** The sign-in ends; afterwards the person signs in again. */
  | { fault: "signOut"; device: string }
  | { fault: "crash"; process: number; told: boolean }
  | { fault: "drain"; process: number }
  | { fault: "freeze"; process: number }
  | { fault: "databaseDown" }
  | { fault: "databaseSlow"; delay: [number, number] }
  | { fault: "databaseFailing"; rate: number }
  | { fault: "lostAnswers"; rate: number }
  | { fault: "lock"; pick: number }
  | { fault: "stall" }
  | { fault: "lostHints"; rate: number }
  /** The database loses what it has stored in the last `back` ms. */
  | { fault: "restore"; back: number }
);

export type Plan = {
  seed: number;
  processes: number;
  devices: DeviceSpec[];
  actions: Action[];
  faults: Fault[];
  /** From here on nothing goes wrong and nobody does anything. */
  healAt: number;
  /** The devices are told that the network is back; otherwise they find out by themselves. */
  wakesAtTheEnd: boolean;
  pressureAt: [number, number, number];
  mostFeedItems: number;
  databaseDelay: [number, number];
};

/** A stream of numbers of its own for each part, so that leaving out one part leaves the others as they are. */
export function randomFor(seed: number, part: string): Random {
  let hash = 2166136261 ^ seed;
  for (let place = 0; place < part.length; place++) hash = Math.imul(hash ^ part.charCodeAt(place), 16777619);
  return createRandom(hash ^ Math.imul(seed, 2654435761));
}

const faultKinds = [
  "cut",
  "block",
  "swizzle",
  "slow",
  "kill",
  "clock",
  "signOut",
  "crash",
  "drain",
  "freeze",
  "databaseDown",
  "databaseSlow",
  "databaseFailing",
  "lostAnswers",
  "lock",
  "stall",
  "lostHints",
  "restore",
] as const;

/** Combinations that chance alone brings about too seldom. */
const themes = ["any", "any", "any", "deaf processes", "slow database", "dead lines"] as const;

export function makePlan(seed: number): Plan {
  const random = randomFor(seed, "plan");
  const theme = random.pick(themes);
  const healAt = random.pick([8_000, 20_000, 45_000]);
  const devices = makeDevices(random);
  const processes = theme === "deaf processes" ? random.between(2, 3) : random.pick([1, 2, 2, 3]);
  // Few kinds at a time find more than all of them together: one fault does not hide another.
  const kinds = faultKinds.filter(() => random.next() < 0.3);
  const chosen = kinds.length === 0 ? [] : Array.from({ length: random.between(1, 7) }, () => random.pick(kinds));
  const faults = chosen.flatMap((kind) => makeFault(random, kind, devices, processes, healAt));
  const actions = makeActions(random, devices, healAt);
  if (theme === "deaf processes") faults.push({ at: 0, ms: healAt, fault: "lostHints", rate: 1 });
  if (theme === "dead lines")
    for (const { name } of devices) faults.push({ at: healAt - 1_000, ms: 0, fault: "cut", device: name, told: [] });
  if (theme === "slow database") {
    for (const { name } of devices)
      actions.push({ at: random.between(1_000, healAt), device: name, pick: random.between(0, 9), do: "trespass" });
  }
  return {
    seed,
    processes,
    devices,
    actions: actions.toSorted((a, b) => a.at - b.at),
    faults: faults.toSorted((a, b) => a.at - b.at),
    healAt,
    wakesAtTheEnd: theme !== "dead lines" && random.next() < 0.7,
    pressureAt: random.pick([
      [1, 3, 12],
      [2, 5, 60],
      [100, 400, 2_000],
      [100, 400, 2_000],
      [100, 400, 2_000],
    ]),
    mostFeedItems: random.next() < 0.2 ? 2 : 500,
    databaseDelay:
      theme === "any" || theme === "dead lines"
        ? random.pick([
            [0, 1],
            [0, 10],
            [0, 150],
          ])
        : [0, random.pick([150, 700])],
  };
}

function makeDevices(random: Random): DeviceSpec[] {
  const devices: DeviceSpec[] = [];
  const add = (company: "A" | "B", side: DeviceSpec["side"], people: number, most: number) => {
    for (let person = 1; person <= people; person++) {
      const count = random.between(1, most);
      for (let n = 1; n <= count; n++) {
        devices.push({
          name: `${company} ${side === "contact" ? "customer" : "agent"} ${person}.${n}`,
          company,
          side,
          person,
        });
      }
    }
  };
  add("A", "contact", random.between(1, 2), 2);
  add("A", "business", random.between(1, 2), 3);
  if (random.next() < 0.4) {
    add("B", "contact", 1, 1);
    add("B", "business", 1, 1);
  }
  return devices;
}

function makeActions(random: Random, devices: readonly DeviceSpec[], healAt: number): Action[] {
  const actions: Action[] = [];
  const count = random.between(8, 45);
  const customers = devices.filter(({ side }) => side === "contact");
  for (const { name } of customers) actions.push({ at: random.between(0, 500), device: name, pick: 0, do: "start" });
  const hasImport = random.next() < 0.06;
  for (let n = 0; n < count; n++) {
    const device = random.pick(devices);
    const at = random.between(0, healAt);
    const base = { at, device: device.name, pick: random.between(0, 1_000) };
    actions.push(device.side === "contact" ? customerAction(random, base) : agentAction(random, base));
  }
  const agents = devices.filter(({ side }) => side === "business");
  for (const { name } of agents) {
    for (let n = 0; n < 2; n++)
      actions.push({ at: random.between(0, healAt / 2), device: name, pick: random.between(0, 9), do: "show" });
  }
  if (hasImport) {
    const base = { device: random.pick(agents).name, pick: random.between(0, 9) };
    actions.push({
      ...base,
      at: random.between(healAt / 4, healAt),
      do: "import",
      count: random.between(150, 320),
      length: random.pick([10, 10, 4_000]),
    });
  }
  return actions;
}

type Base = { at: number; device: string; pick: number };

function customerAction(random: Random, base: Base): Action {
  const chance = random.next();
  if (chance < 0.5) return { ...base, do: "say", count: random.pick([1, 1, 1, 2, 4]) };
  if (chance < 0.55) return { ...base, do: "close" };
  if (chance < 0.65) return { ...base, do: random.pick(["answer", "edit", "delete", "react"] as const) };
  if (chance < 0.69) return { ...base, do: "start" };
  if (chance < 0.72) return { ...base, do: "trespass" };
  return {
    ...base,
    do: random.pick(["read", "read", "show", "hide", "type", "retry", "discard", "wake", "older"] as const),
  };
}

function agentAction(random: Random, base: Base): Action {
  const chance = random.next();
  if (chance < 0.35) return { ...base, do: "say", count: random.pick([1, 1, 1, 2, 4]) };
  if (chance < 0.45) return { ...base, do: "note", count: 1 };
  if (chance < 0.57) return { ...base, do: random.pick(["close", "reopen", "assign", "assign"] as const) };
  if (chance < 0.67) return { ...base, do: random.pick(["answer", "edit", "delete", "react"] as const) };
  if (chance < 0.7) return { ...base, do: "trespass" };
  return {
    ...base,
    do: random.pick(["read", "read", "show", "show", "hide", "type", "retry", "discard", "wake", "older"] as const),
  };
}

function makeFault(
  random: Random,
  kind: (typeof faultKinds)[number],
  devices: readonly DeviceSpec[],
  processes: number,
  healAt: number,
): Fault[] {
  const at = random.between(0, healAt - 1_000);
  const ms = Math.min(random.pick([50, 500, 2_000, 8_000, 30_000]), healAt - at);
  const device = random.pick(devices).name;
  const process = random.between(0, processes - 1);
  switch (kind) {
    case "cut":
      return [
        { at, ms: 0, fault: kind, device, told: random.pick([["client", "server"], ["client"], ["server"], []]) },
      ];
    case "block":
      return [{ at, ms, fault: kind, device, directions: random.pick([["up"], ["down"], ["up", "down"]]) }];
    case "swizzle": {
      // A part of the links stops one after the other, and comes back in another order.
      const some = devices.filter(() => random.next() < 0.6);
      return some.map(({ name }) => {
        const begin = Math.min(healAt, at + random.between(0, ms));
        const end = Math.min(healAt, begin + random.between(0, 2 * ms));
        return { at: begin, ms: end - begin, fault: "block", device: name, directions: ["up", "down"] };
      });
    }
    case "slow":
      return [
        {
          at,
          ms,
          fault: kind,
          device,
          delay: random.pick([
            [200, 800],
            [0, 3_000],
            [2_000, 6_000],
          ]),
        },
      ];
    case "kill":
      return [{ at, ms: random.pick([0, 1_000, 15_000]), fault: kind, device, told: random.next() < 0.7 }];
    case "signOut":
      return [{ at, ms, fault: kind, device }];
    case "restore":
      return at < 3_000 ? [] : [{ at, ms, fault: kind, back: random.between(500, Math.min(at - 1, 10_000)) }];
    case "clock":
      return [{ at, ms: 0, fault: kind, device, by: random.pick([-3_600_000, -600_000, 600_000, 7_200_000]) }];
    case "crash":
      return [{ at, ms, fault: kind, process, told: random.next() < 0.7 }];
    case "drain":
    case "freeze":
      return [{ at, ms, fault: kind, process }];
    case "databaseSlow":
      return [
        {
          at,
          ms,
          fault: kind,
          delay: random.pick([
            [50, 500],
            [500, 5_000],
          ]),
        },
      ];
    case "databaseFailing":
    case "lostAnswers":
    case "lostHints":
      return [{ at, ms, fault: kind, rate: random.pick([0.1, 0.5, 1]) }];
    case "lock":
      return [{ at, ms, fault: kind, pick: random.between(0, 9) }];
    case "databaseDown":
    case "stall":
      return [{ at, ms, fault: kind }];
  }
}
