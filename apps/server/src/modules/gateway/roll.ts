import type { Author } from "@presszero/contracts";

/**
 * Who is where, as far as this process knows; pure. A person is at a place as long as one source says so: a process, or a
 * connection. What a source says counts until a moment (ms), and is renewed by saying it again; so a source that is gone
 * without a word is forgotten. Whoever has left still counts for the grace: a page that is loaded again does not flicker.
 */
export type Roll = { graceMs: number; places: Map<string, Map<string, Entry>> };
type Entry = { person: Author; sources: Map<string, number>; leftAt: number | null };

export function createRoll(graceMs: number): Roll {
  return { graceMs, places: new Map() };
}

/** Answers whether the person is new at the place. */
export function enter(roll: Roll, place: string, person: Author, source: string, until: number): boolean {
  let people = roll.places.get(place);
  if (!people) roll.places.set(place, (people = new Map()));
  const entry = people.get(person.id);
  if (entry) {
    entry.sources.set(source, until);
    entry.leftAt = null;
    return false;
  }
  people.set(person.id, { person, sources: new Map([[source, until]]), leftAt: null });
  return true;
}

/** Answers whether the person is gone from the place; with a grace, `tick` tells that later. */
export function leave(roll: Roll, place: string, personId: string, source: string, now: number): boolean {
  const people = roll.places.get(place);
  const entry = people?.get(personId);
  if (!people || !entry?.sources.delete(source) || entry.sources.size > 0) return false;
  entry.leftAt = now;
  return expire(roll, place, people, entry, now);
}

/** Forgets what nobody has renewed. Answers the places that somebody is gone from. */
export function tick(roll: Roll, now: number): Set<string> {
  const changed = new Set<string>();
  for (const [place, people] of roll.places) {
    for (const entry of people.values()) {
      for (const [source, until] of entry.sources) if (until <= now) entry.sources.delete(source);
      if (entry.sources.size === 0) entry.leftAt ??= now;
      if (expire(roll, place, people, entry, now)) changed.add(place);
    }
  }
  return changed;
}

function expire(roll: Roll, place: string, people: Map<string, Entry>, entry: Entry, now: number): boolean {
  if (entry.leftAt === null || now - entry.leftAt < roll.graceMs) return false;
  people.delete(entry.person.id);
  if (people.size === 0) roll.places.delete(place);
  return true;
}

export function isAnybodyAt(roll: Roll, place: string): boolean {
  return roll.places.has(place);
}

export function listPeople(roll: Roll, place: string): Author[] {
  return Array.from(roll.places.get(place)?.values() ?? [], (entry) => entry.person);
}
