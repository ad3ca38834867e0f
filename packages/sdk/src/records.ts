/**
 * A persistent record by id: looks like a plain object (`records[id]`, `Object.values(records)`), and a changed copy costs
 * the same however many entries there are. With 10,000 conversations a spread costs 2.5 ms, for every event.
 *
 * Entries lie in 1,024 buckets, in two levels of 32 so that a copy is small.
 */
type Bucket<T> = Readonly<Record<string, T>>;
type Table<T> = { root: readonly (readonly (Bucket<T> | undefined)[] | undefined)[] };

export type Records<T> = Readonly<Record<string, T>>;

/** Proxies hide their table; this finds it. */
const tables = new WeakMap<object, Table<unknown>>();

const behaviour: ProxyHandler<Table<unknown>> = {
  get: (table, key) => (typeof key === "string" ? bucketOf(table, key)?.[key] : undefined) ?? Reflect.get({}, key),
  has: (table, key) => typeof key === "string" && bucketOf(table, key)?.[key] !== undefined,
  ownKeys: (table) => buckets(table).flatMap((bucket) => Object.keys(bucket)),
  getOwnPropertyDescriptor: (table, key) => {
    const value = typeof key === "string" ? bucketOf(table, key)?.[key] : undefined;
    return value === undefined ? undefined : { value, enumerable: true, configurable: true, writable: false };
  },
  set: () => false,
  defineProperty: () => false,
  deleteProperty: () => false,
};

export function recordsOf<T>(entries: Records<T>): Records<T> {
  const root: Record<string, T>[][] = [];
  for (const [id, value] of Object.entries(entries)) {
    const [high, low] = placeOf(id);
    const branch = (root[high] ??= []);
    (branch[low] ??= {})[id] = value;
  }
  return proxyOf({ root });
}

/** The same with this entry. */
export function withRecord<T>(records: Records<T>, id: string, value: T): Records<T> {
  const table = tableOf(records);
  return proxyOf(replaced(table, id, { ...bucketOf(table, id), [id]: value }));
}

/** The same without it. */
export function withoutRecord<T>(records: Records<T>, id: string): Records<T> {
  if (records[id] === undefined) return records;
  const table = tableOf(records);
  const { [id]: _, ...bucket } = bucketOf(table, id)!;
  return proxyOf(replaced(table, id, bucket));
}

/** All values; the same as `Object.values`, and faster by far. */
export function valuesOf<T>(records: Records<T>): T[] {
  const table = tables.get(records) as Table<T> | undefined;
  return table === undefined ? Object.values(records) : buckets(table).flatMap((bucket) => Object.values(bucket));
}

function proxyOf<T>(table: Table<T>): Records<T> {
  const records = new Proxy<Table<unknown>>(table, behaviour) as unknown as Records<T>;
  tables.set(records, table);
  return records;
}

/** A plain object becomes a table on its first change. */
function tableOf<T>(records: Records<T>): Table<T> {
  return (tables.get(records) ?? tables.get(recordsOf(records))) as Table<T>;
}

function bucketOf<T>(table: Table<T>, id: string): Bucket<T> | undefined {
  const [high, low] = placeOf(id);
  return table.root[high]?.[low];
}

function buckets<T>(table: Table<T>): Bucket<T>[] {
  return table.root.flatMap((branch) => (branch ?? []).filter((bucket) => bucket !== undefined));
}

function replaced<T>(table: Table<T>, id: string, bucket: Bucket<T>): Table<T> {
  const [high, low] = placeOf(id);
  const branch = [...(table.root[high] ?? [])];
  branch[low] = bucket;
  const root = [...table.root];
  root[high] = branch;
  return { root };
}

/** Spread by all characters of the id (FNV-1a). */
function placeOf(id: string): [high: number, low: number] {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return [(hash >>> 5) & 31, hash & 31];
}
