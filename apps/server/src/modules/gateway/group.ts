import type { LaneEvent } from "../conversations/index.ts";

/**
 * The group of a conversation, which sessions of one process follow: what it decides, pure. Events go on to all members
 * in order and without a hole (SR7): the next one is passed on, a known one dropped, and one further ahead makes the group
 * read what is missing.
 *
 *   group = createGroup()                 when the first session joins; forget it when the last one leaves
 *   offer(group, event)                   the bus brought an event of this conversation
 *   heardOf(group, seq)                   a hint or the sweep says that it has come to `seq`
 *   settle(group, seq)                    a member was served up to `seq` (effect `settle` of its session)
 *   filled(group, events) | failed(group) the answer to `read`: the events of the staff's lane after `after`, ascending
 *   retry(group)                          after a sweep: reads once more what could not be read
 *
 * Each answers what to do, in order: `pass` is the input `event` to every member, `heard` the input `heard`, `read` asks
 * for events and is answered by `filled` or `failed`; there is one at a time.
 */
export type Group = {
  /** Newest seq that was passed on; null until the first member tells where the conversation stands. */
  last: number | null;
  /** Newest seq that we have heard of. */
  heard: number;
  isReading: boolean;
};

export type GroupEffect =
  | { type: "pass"; event: LaneEvent }
  | { type: "heard"; seq: number }
  | { type: "read"; after: number };

const nothing: readonly GroupEffect[] = [];

export function createGroup(): Group {
  return { last: null, heard: 0, isReading: false };
}

export function offer(group: Group, event: LaneEvent): readonly GroupEffect[] {
  group.heard = Math.max(group.heard, event.seq);
  if (group.last === null || group.isReading || event.seq <= group.last) return nothing;
  if (event.seq > group.last + 1) return retry(group);
  group.last = event.seq;
  return [{ type: "pass", event }];
}

export function heardOf(group: Group, seq: number): readonly GroupEffect[] {
  group.heard = Math.max(group.heard, seq);
  return retry(group);
}

/** The first member tells where to begin. Others, whose replay was read earlier, learn that there is more. */
export function settle(group: Group, seq: number): readonly GroupEffect[] {
  if (group.last !== null) return nothing;
  group.last = seq;
  return [{ type: "heard", seq }, ...retry(group)];
}

export function filled(group: Group, events: readonly LaneEvent[]): readonly GroupEffect[] {
  group.isReading = false;
  const effects: GroupEffect[] = [];
  for (const event of events) {
    if (event.seq <= group.last!) continue;
    group.last = event.seq;
    effects.push({ type: "pass", event });
  }
  if (effects.length > 0) effects.push(...retry(group));
  return effects;
}

export function failed(group: Group): readonly GroupEffect[] {
  group.isReading = false;
  return nothing;
}

export function retry(group: Group): readonly GroupEffect[] {
  if (group.last === null || group.isReading || group.heard <= group.last) return nothing;
  group.isReading = true;
  return [{ type: "read", after: group.last }];
}
