// Virtual time: what is to happen, in the order in which it falls due. Nothing here waits, so an hour takes milliseconds.

export type Scheduler = {
  /** ms since the simulation began. */
  now(): number;
  /** Runs `what` once after `ms`; the answer takes it back. */
  after(ms: number, what: () => void): () => void;
  /** Runs what falls due next; false when nothing is left. */
  step(): boolean;
};

type Item = { at: number; order: number; what: (() => void) | null };

export function createScheduler(): Scheduler {
  const heap: Item[] = [];
  let now = 0;
  let order = 0;

  const isBefore = (a: Item, b: Item) => a.at < b.at || (a.at === b.at && a.order < b.order);

  function push(item: Item): void {
    let place = heap.push(item) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(item, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = item;
  }

  function pop(): Item | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return first;
  }

  return {
    now: () => now,
    after(ms, what) {
      const item: Item = { at: now + Math.max(0, ms), order: order++, what };
      push(item);
      return () => void (item.what = null);
    },
    step() {
      for (let item = pop(); item !== undefined; item = pop()) {
        if (item.what === null) continue;
        now = item.at;
        item.what();
        return true;
      }
      return false;
    },
  };
}
