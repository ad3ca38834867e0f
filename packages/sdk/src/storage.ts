import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import { newUuid } from "./ids.ts";
import type { OutboxItem } from "./types.ts";

/**
 * Where a device keeps its id and its unsent messages. A device is one running client: a browser tab, an app.
 * Write your own for a platform without IndexedDB (React Native: SQLite).
 */
export type DeviceStorage = {
  deviceId: string;
  /** True when closing the page loses unsent messages: warn the person first. */
  warnOnUnload: boolean;
  /** All items, oldest first (by `queuedAt`). */
  load: () => Promise<OutboxItem[]>;
  /** Adds or replaces the item with this client id. */
  put: (item: OutboxItem) => Promise<void>;
  remove: (clientId: string) => Promise<void>;
  /** Lets another client take over this device. */
  close: () => void;
};

type Schema = DBSchema & {
  devices: { key: string; value: { deviceId: string } };
  outbox: { key: [string, string]; value: OutboxItem & { deviceId: string }; indexes: { deviceId: string } };
};

type SessionStorage = { getItem: (key: string) => string | null; setItem: (key: string, value: string) => void };
type Locks = {
  request: (
    name: string,
    options: { ifAvailable: boolean },
    hold: (lock: object | null) => Promise<void>,
  ) => Promise<unknown>;
};

/**
 * Opens the storage of this browser for one account (an agent's id, a widget's key): messages of one account are never
 * sent by another. CR1: IndexedDB, and where that is missing memory with a copy in the tab's session.
 */
export async function openStorage(account: string): Promise<DeviceStorage> {
  const name = `presszero:${account}`;
  try {
    const db = await openDB<Schema>(name, 1, {
      upgrade: (fresh) => {
        fresh.createObjectStore("devices", { keyPath: "deviceId" });
        fresh.createObjectStore("outbox", { keyPath: ["deviceId", "clientId"] }).createIndex("deviceId", "deviceId");
      },
    });
    return await indexedDbStorage(name, db);
  } catch {
    // Not there (Node, React Native), or refused: private windows, blocked cookies, a full disk.
    return sessionStorageOf(name);
  }
}

/** Keeps everything in memory: for Node, tests, and as the last resort. */
export function memoryStorage(deviceId: string = newUuid()): DeviceStorage {
  return listStorage(deviceId, [], () => {});
}

/** CR1 without IndexedDB: survives a reload of the tab, not its end. */
function sessionStorageOf(name: string): DeviceStorage {
  const session = findSessionStorage();
  if (session === null) return memoryStorage();
  const key = `${name}:outbox`;
  const items = JSON.parse(session.getItem(key) ?? "[]") as OutboxItem[];
  return listStorage(ownDeviceId(session, name), items, (all) => session.setItem(key, JSON.stringify(all)));
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
  const { deviceId, release } = await claimDevice(name, db);
  return {
    deviceId,
    warnOnUnload: false,
    load: async () => {
      const rows = await db.getAllFromIndex("outbox", "deviceId", deviceId);
      return rows.map(({ deviceId: _device, ...item }) => atRest(item)).toSorted((a, b) => a.queuedAt - b.queuedAt);
    },
    put: async (item) => void (await db.put("outbox", { ...item, deviceId })),
    remove: (clientId) => db.delete("outbox", [deviceId, clientId]),
    close: () => {
      release();
      db.close();
    },
  };
}

/**
 * CR9: every tab is a device of its own, held by a Web Lock for as long as the tab lives. A tab takes over a whole device
 * whose tab is gone rather than its messages: client ids are unique per device, so only under the old device id
 * does a message that may have arrived already stay one message. Devices with unsent messages come first.
 */
async function claimDevice(name: string, db: IDBPDatabase<Schema>): Promise<{ deviceId: string; release: () => void }> {
  const session = findSessionStorage();
  const own = ownDeviceId(session, name);
  const locks = findLocks();
  let release = () => {};
  let deviceId = own;
  if (locks !== null) {
    const rows = await db.getAll("outbox");
    const unsent = new Set(rows.filter((row) => row.state !== "sent").map((row) => row.deviceId));
    const known = await db.getAllKeys("devices");
    const withUnsent = known.filter((device) => unsent.has(device));
    const candidates = new Set([...(unsent.has(own) ? [own] : []), ...withUnsent, own, ...known, newUuid()]);
    for (const candidate of candidates) {
      let held = await hold(locks, `${name}:${candidate}`);
      // After a reload the page before may still be on its way out: our own unsent messages are worth a short wait.
      for (let tries = 0; held === null && candidate === own && unsent.has(own) && tries < 10; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        held = await hold(locks, `${name}:${candidate}`);
      }
      if (held === null) continue;
      deviceId = candidate;
      release = held;
      break;
    }
  }
  session?.setItem(`${name}:device`, deviceId);
  await db.put("devices", { deviceId });
  return { deviceId, release };
}

/** Holds a lock until the answer is called; null when somebody else holds it. */
function hold(locks: Locks, name: string): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    const held = (lock: object | null): Promise<void> => {
      if (lock === null) {
        resolve(null);
        return Promise.resolve();
      }
      return new Promise((release) => resolve(release));
    };
    // A refusal (a page whose storage is blocked) means that there are no locks to take part in.
    locks.request(name, { ifAvailable: true }, held).catch(() => resolve(() => {}));
  });
}

/** The device id of this tab; a reload keeps it. */
function ownDeviceId(session: SessionStorage | null, name: string): string {
  const deviceId = session?.getItem(`${name}:device`) ?? newUuid();
  session?.setItem(`${name}:device`, deviceId);
  return deviceId;
}

/** A message that was on its way when the device stopped is simply queued again. */
function atRest(item: OutboxItem): OutboxItem {
  return item.state === "sending" ? { ...item, state: "queued" } : item;
}

/** Browsers throw when the person has blocked storage for the site. */
function findSessionStorage(): SessionStorage | null {
  try {
    return (globalThis as { sessionStorage?: SessionStorage }).sessionStorage ?? null;
  } catch {
    return null;
  }
}

/** Missing on pages without TLS, in older browsers and outside of browsers. */
function findLocks(): Locks | null {
  return (globalThis as { navigator?: { locks?: Locks } }).navigator?.locks ?? null;
}
