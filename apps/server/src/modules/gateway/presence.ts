import { randomUUID } from "node:crypto";
import { type Author, type CompanyId, conversationId, type ConversationId } from "@presszero/contracts";
import type { Signal } from "../../kernel/bus.ts";
import type { Ctx, SystemCtx } from "../../kernel/context.ts";
import type { Connection } from "./connection.ts";
import { createRoll, enter, isAnybodyAt, leave, listPeople, tick } from "./roll.ts";

/** Loading a page again takes less. */
const graceMs = 5_000;
/** Every process says this often who is connected to it, and is believed for so long. */
const announceMs = 10_000;
const announcedForMs = 25_000;
/** Changes of the next moments are announced together. */
const batchMs = 500;
/** Ids in one signal; the relay takes less than 8 kB. */
const peoplePerSignal = 150;
const tickMs = 2_000;
/** Clients renew every 20 s that they look at a conversation. */
const viewingForMs = 30_000;

type Announcement = { on: string[]; off: string[] };
type Viewing = { on: boolean; source: string };

const keyOf = (companyId: CompanyId, place: string) => `${companyId} ${place}`;

/** Where a person is present: a customer for themselves, an agent for the business. Programs are nobody. */
function placeOf(companyId: CompanyId, personId: string): string | null {
  if (personId.startsWith("con_")) return personId;
  return personId.startsWith("agt_") ? companyId : null;
}

/**
 * Who is connected, and which agent looks at which conversation, over all processes: by signals, which the relay carries.
 * Nothing of it is stored. Connections watch a place: a contact, the business (its company's id), or a conversation.
 */
export function createPresence(system: SystemCtx, isOverloaded: () => boolean) {
  const self = randomUUID();
  const present = createRoll(graceMs);
  const viewing = createRoll(0);
  const watchers = new Map<string, Set<Connection>>();
  /** People with a connection to this process. */
  const here = new Map<CompanyId, Map<string, number>>();
  let announcements = new Map<CompanyId, Map<string, boolean>>();
  let batch: NodeJS.Timeout | null = null;
  /** Places whose watchers are yet to be told. */
  const untold = new Set<string>();

  function tell(key: string): void {
    const place = key.slice(key.indexOf(" ") + 1);
    for (const connection of watchers.get(key) ?? []) tellOne(connection, key, place);
  }

  function tellOne(connection: Connection, key: string, place: string): void {
    const conversation = conversationId.safeParse(place);
    if (conversation.success) {
      connection.put({ type: "viewers", conversationId: conversation.data, people: listPeople(viewing, key) });
    } else {
      connection.put({ type: "presence", place, isOnline: isAnybodyAt(present, key) });
    }
  }

  function changed(key: string): void {
    if (isOverloaded()) untold.add(key);
    else tell(key);
  }

  function arrive(companyId: CompanyId, personId: string, source: string, until: number): void {
    const place = placeOf(companyId, personId);
    if (place === null) return;
    const key = keyOf(companyId, place);
    const wasAnybody = isAnybodyAt(present, key);
    enter(present, key, { type: "system", id: personId, name: null }, source, until);
    if (!wasAnybody) changed(key);
  }

  function depart(companyId: CompanyId, personId: string, source: string): void {
    const place = placeOf(companyId, personId);
    if (place !== null) leave(present, keyOf(companyId, place), personId, source, performance.now());
  }

  function announce(companyId: CompanyId, personId: string, isOn: boolean): void {
    const ofCompany = announcements.get(companyId) ?? new Map<string, boolean>();
    announcements.set(companyId, ofCompany.set(personId, isOn));
    batch ??= setTimeout(() => {
      batch = null;
      const now = announcements;
      announcements = new Map();
      for (const [id, people] of now) send(id, people);
    }, batchMs);
  }

  function send(companyId: CompanyId, people: ReadonlyMap<string, unknown>): void {
    const all = [...people];
    for (let start = 0; start < all.length; start += peoplePerSignal) {
      const part = all.slice(start, start + peoplePerSignal);
      const data: Announcement = {
        on: part.flatMap(([id, isOn]) => (isOn ? [id] : [])),
        off: part.flatMap(([id, isOn]) => (isOn ? [] : [id])),
      };
      const by: Author = { type: "system", id: self, name: null };
      system.bus.signal({ companyId, subjectId: companyId, kind: "presence", by, data });
    }
  }

  const announcing = setInterval(() => {
    for (const [companyId, people] of here) send(companyId, people);
  }, announceMs);
  const ticking = setInterval(() => {
    const now = performance.now();
    for (const key of tick(viewing, now)) changed(key);
    for (const key of tick(present, now)) if (!isAnybodyAt(present, key)) changed(key);
    if (isOverloaded()) return;
    for (const key of untold) tell(key);
    untold.clear();
  }, tickMs);

  return {
    connected({ companyId, actor }: Ctx): void {
      if (placeOf(companyId, actor.id) === null) return;
      const people = here.get(companyId) ?? new Map<string, number>();
      here.set(companyId, people);
      const count = people.get(actor.id) ?? 0;
      people.set(actor.id, count + 1);
      if (count > 0) return;
      arrive(companyId, actor.id, self, Number.POSITIVE_INFINITY);
      announce(companyId, actor.id, true);
    },

    disconnected({ companyId, actor }: Ctx): void {
      if (placeOf(companyId, actor.id) === null) return;
      const people = here.get(companyId);
      const count = people?.get(actor.id) ?? 0;
      if (count > 1) return void people!.set(actor.id, count - 1);
      people?.delete(actor.id);
      if (people?.size === 0) here.delete(companyId);
      depart(companyId, actor.id, self);
      announce(companyId, actor.id, false);
    },

    /** The connection is told how it is at the place, and whenever that changes. */
    watch(connection: Connection, place: string): void {
      const key = keyOf(connection.ctx!.companyId, place);
      const connections = watchers.get(key) ?? new Set<Connection>();
      watchers.set(key, connections.add(connection));
      tellOne(connection, key, place);
    },

    unwatch(connection: Connection, place: string): void {
      const key = keyOf(connection.ctx!.companyId, place);
      const connections = watchers.get(key);
      if (connections?.delete(connection) && connections.size === 0) watchers.delete(key);
    },

    /** What other processes announce, and who looks at a conversation here or there. */
    signal({ companyId, subjectId, kind, by, data, isRemote }: Signal): void {
      const now = performance.now();
      if (kind === "presence" && isRemote) {
        const { on, off } = data as Announcement;
        for (const id of on) arrive(companyId, id, by.id, now + announcedForMs);
        for (const id of off) depart(companyId, id, by.id);
      }
      if (kind === "viewing") {
        const { on, source } = data as Viewing;
        const key = keyOf(companyId, subjectId as ConversationId);
        const isChanged = on
          ? enter(viewing, key, by, source, now + viewingForMs)
          : leave(viewing, key, by.id, source, now);
        if (isChanged) changed(key);
      }
    },

    stop(): void {
      clearInterval(announcing);
      clearInterval(ticking);
      if (batch) clearTimeout(batch);
    },
  };
}

export type Presence = ReturnType<typeof createPresence>;
