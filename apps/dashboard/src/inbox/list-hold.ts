/** `ids` is what to show; `waiting` is how many newcomers are held back. */
export type HeldOrder = { ids: readonly string[]; waiting: number };

/**
 * The order of a list while someone points at it: every row stays where it is, also one that would leave the list. What
 * arrived since (`isArrival`) waits; what was loaded by scrolling is put below the rows that come before it.
 */
export function holdOrder(
  shown: readonly string[],
  fresh: readonly string[],
  isArrival: (id: string) => boolean,
): HeldOrder {
  const known = new Set(shown);
  const newcomers = fresh.filter((id) => !known.has(id));
  if (newcomers.length === 0) return { ids: shown, waiting: 0 };
  const ids = [...shown];
  let waiting = 0;
  let after = -1;
  for (const id of fresh) {
    if (known.has(id)) after = Math.max(after, ids.indexOf(id));
    else if (isArrival(id)) waiting += 1;
    else ids.splice(++after, 0, id);
  }
  return { ids: waiting === newcomers.length ? shown : ids, waiting };
}

export function isSameOrder(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id, at) => id === other[at]);
}
