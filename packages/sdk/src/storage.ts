import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from "idb";
import { newUuid } from "./ids.ts";
import { atRest } from "./state.ts";
import type { OutboxItem } from "./types.ts";

/**
 * Where a device keeps its id, its unsent messages and those confirmed in the last 24 hours (CR1, CR7). Write your own for
 * a platform without IndexedDB (React Native: SQLite).
 */
export type DeviceStorage = {
  deviceId: string;
  /** True when closing the page loses unsent messages: warn the person first. */
  warnOnUnload: boolean;
  /** CR9: there when the tabs of a browser share this storage, and are one device. */
  group?: TabGroup;
  /** All items, oldest first (by `queuedAt`). */
  load: () => Promise<OutboxItem[]>;
  /** Adds or replaces the item with this client id. */
  put: (item: OutboxItem) => Promise<void>;
  remove: (clientId: string) => Promise<void>;
  close: () => void;
};

/** How the tabs of a browser find each other. */
export type TabGroup = {
  name: string;
  locks: Pick<typeof navigator.locks, "request">;
  openChannel: (name: string) => Pick<InstanceType<typeof BroadcastChannel>, "postMessage" | "close" | "onmessage">;
};

/** Version 1 had no `shared`: every tab was a device. */
const version = 2;
type Schema = DBSchema & {
  devices: { key: string; value: { deviceId: string } };
  outbox: { key: [string, string]; value: OutboxItem & { deviceId: string }; indexes: { deviceId: string } };
  /** CR9: under "device", the id that all tabs share. */
  shared: { key: string; value: string };
};

type SessionStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/**
 * Opens the storage of this browser for one account (an agent's id, a widget's key): messages of one account are never
 * sent by another. CR1: IndexedDB, and where that is missing memory with a copy in the tab's session.
 */
export async function openStorage(account: string): Promise<DeviceStorage> {
  const name = databaseOf(account);
  try {
    return await indexedDbStorage(name, await openDatabase(name));
  } catch {
    // Not there (Node, React Native), or refused: private windows, blocked cookies, a full disk.
    return sessionStorageOf(name);
  }
}

/** Deletes what a browser holds of an account that is gone for good. Its storages are closed by it. */
export async function deleteStorage(account: string): Promise<void> {
  const name = databaseOf(account);
  findSession()?.removeItem(`${name}:outbox`);
  await deleteDB(name).catch(() => {}); // Where nothing can be stored, nothing was.
}

const databaseOf = (account: string) => `presszero:${account}`;

/** Rejects when a tab with an older version of this code does not let go of the database. */
function openDatabase(name: string): Promise<IDBPDatabase<Schema>> {
  return new Promise((resolve, reject) => {
    const opening = openDB<Schema>(name, version, {
      upgrade: (db, from) => {
        if (from < 1) {
          db.createObjectStore("devices", { keyPath: "deviceId" });
          db.createObjectStore("outbox", { keyPath: ["deviceId", "clientId"] }).createIndex("deviceId", "deviceId");
        }
        db.createObjectStore("shared");
      },
      blocked: () => {
        reject(new Error("the database is in use by an older version"));
        close();
      },
      // Our turn to let go: what cannot be stored from now on is warned of.
      blocking: () => close(),
    });
    const close = () => void opening.then((db) => db.close());
    opening.then(resolve, reject);
  });
}

/** Keeps everything in memory: for Node, tests, and as the last resort. */
export function memoryStorage(deviceId: string = newUuid()): DeviceStorage {
  return listStorage(deviceId, [], () => {});
}

/** CR1 without IndexedDB: survives a reload of the tab, not its end. */
function sessionStorageOf(name: string): DeviceStorage {
  const session = findSession();
  if (session === null) return memoryStorage();
  const key = `${name}:outbox`;
  const items = JSON.parse(session.getItem(key) ?? "[]") as OutboxItem[];
  // There is little room: what is confirmed stays in memory only.
  const save = (all: OutboxItem[]) => session.setItem(key, JSON.stringify(all.filter((item) => item.state !== "sent")));
  return listStorage(ownDeviceId(session, name), items, save);
}

function listStorage(deviceId: string, initial: OutboxItem[], save: (items: OutboxItem[]) => void): DeviceStorage {
  let items = initial;
  const change = (next: OutboxItem[]) => {
    items = next;
    save(next);
  };
  return {
    deviceId,
    warnOnUnload: true,
    load: async () => items.toSorted((a, b) => a.queuedAt - b.queuedAt).map(atRest),
    put: async (item) => change([...items.filter((other) => other.clientId !== item.clientId), item]),
    remove: async (clientId) => change(items.filter((other) => other.clientId !== clientId)),
    close: () => {},
  };
}

async function indexedDbStorage(name: string, db: IDBPDatabase<Schema>): Promise<DeviceStorage> {
  const group = findGroup(name);
  const { deviceId, leave } =
    group === null ? { deviceId: ownDeviceId(findSession(), name), leave() {} } : await shareDevice(group, db);
  await db.put("devices", { deviceId });
  return {
    deviceId,
    warnOnUnload: false,
    ...(group && { group }),
    load: async () => {
      const rows = await db.getAllFromIndex("outbox", "deviceId", deviceId);
      return rows.map(({ deviceId: _device, ...item }) => atRest(item)).toSorted((a, b) => a.queuedAt - b.queuedAt);
    },
    put: async (item) => void (await db.put("outbox", { ...item, deviceId })),
    remove: (clientId) => db.delete("outbox", [deviceId, clientId]),
    close: () => {
      leave();
      db.close();
    },
  };
}

/**
 * CR9: all tabs of a browser are one device. Client ids are unique per device, so an unsent message can be sent only by the
 * device that has begun to: where several are known (each tab was one in version 1, and is one without Web Locks), the
 * first tab takes up one with unsent messages.
 */
async function shareDevice(
  { name, locks }: TabGroup,
  db: IDBPDatabase<Schema>,
): Promise<{ deviceId: string; leave: () => void }> {
  return locks.request(`${name} opening`, async () => {
    const isFirst = await locks.request(`${name} open`, { ifAvailable: true }, (lock) => lock !== null);
    const shared = await db.get("shared", "device");
    const deviceId = shared === undefined || isFirst ? await chooseDevice(db, shared) : shared;
    await db.put("shared", deviceId, "device");
    return { deviceId, leave: await hold(locks, `${name} open`) };
  });
}

async function chooseDevice(db: IDBPDatabase<Schema>, shared: string | undefined): Promise<string> {
  const rows = await db.getAll("outbox");
  const unsent = rows.filter((row) => row.state !== "sent").map((row) => row.deviceId);
  const known = await db.getAllKeys("devices");
  if (shared !== undefined) return unsent.includes(shared) ? shared : (unsent[0] ?? shared);
  return unsent[0] ?? known[0] ?? newUuid();
}

/** Holds a lock together with others, until the answer is called. */
function hold(locks: TabGroup["locks"], name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const held = () => new Promise<void>((release) => resolve(release));
    locks.request(name, { mode: "shared" }, held).catch(reject);
  });
}

/** The device id of this tab; a reload keeps it. */
function ownDeviceId(session: SessionStorage | null, name: string): string {
  const deviceId = session?.getItem(`${name}:device`) ?? newUuid();
  session?.setItem(`${name}:device`, deviceId);
  return deviceId;
}

/** Browsers throw when the person has blocked storage for the site. */
function findSession(): SessionStorage | null {
  try {
    return (globalThis as { sessionStorage?: SessionStorage }).sessionStorage ?? null;
  } catch {
    return null;
  }
}

/** Null on pages without TLS, in older browsers and outside of browsers. */
function findGroup(name: string): TabGroup | null {
  const { navigator: here, BroadcastChannel: Channel } = globalThis as Partial<typeof globalThis>;
  if (here?.locks === undefined || Channel === undefined) return null;
  return { name, locks: here.locks, openChannel: (channel) => new Channel(channel) };
}
