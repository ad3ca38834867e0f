import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { openDB } from "idb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newUuid } from "./ids.ts";
import { deleteStorage, openStorage } from "./storage.ts";
import type { OutboxItem } from "./types.ts";

/** A tab's session, as browsers have it. */
function newSession() {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  };
}

const item = (queuedAt: number, changes: Partial<OutboxItem> = {}): OutboxItem => ({
  clientId: newUuid(),
  conversationId: null,
  message: { kind: "text", text: `text ${queuedAt}` },
  state: "queued",
  attempts: 0,
  queuedAt,
  reason: null,
  sent: null,
  ...changes,
});

let opened: { close: () => void }[] = [];
/** Opens the storage in a tab of its own, or again in a tab that was reloaded. */
async function openTab(session = newSession(), account = "agt_1") {
  vi.stubGlobal("sessionStorage", session);
  const storage = await openStorage(account);
  opened.push(storage);
  return storage;
}

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
});
afterEach(() => {
  for (const storage of opened) storage.close();
  opened = [];
  vi.unstubAllGlobals();
});

describe("in IndexedDB (CR1)", () => {
  test("keeps items over a reload, oldest first, and what was on its way as queued", async () => {
    const session = newSession();
    const first = await openTab(session);
    const [a, b, c] = [item(2), item(1, { state: "sending" }), item(3, { state: "not_sent", reason: "VALIDATION" })];
    for (const entry of [a, b, c]) await first.put(entry);
    await first.put({ ...a, queuedAt: 4 });
    first.close();
    const second = await openTab(session);
    expect(second.deviceId).toBe(first.deviceId);
    expect(second.warnOnUnload).toBe(false);
    expect(await second.load()).toEqual([{ ...b, state: "queued" }, c, { ...a, queuedAt: 4 }]);
    await second.remove(c.clientId);
    expect(await second.load()).toHaveLength(2);
  });

  test("one account never sees another's messages", async () => {
    const session = newSession();
    await (await openTab(session, "agt_1")).put(item(1));
    expect(await (await openTab(session, "agt_2")).load()).toEqual([]);
  });
});

test("an account that is gone for good leaves nothing, and the next one is another device", async () => {
  const first = await openTab();
  await first.put(item(1));
  await deleteStorage("agt_1");
  await expect(first.put(item(2))).rejects.toThrow();
  for (const storage of opened) storage.close();
  const next = await openTab();
  expect(next.deviceId).not.toBe(first.deviceId);
  expect(await next.load()).toEqual([]);
});

describe("CR9: the tabs of a browser are one device", () => {
  test("with one outbox, for as long as any of them lives and after", async () => {
    const [first, second] = [await openTab(), await openTab()];
    expect(first.group?.name).toBe("presszero:agt_1");
    expect([second.deviceId, second.group?.name]).toEqual([first.deviceId, first.group?.name]);
    await first.put(item(1));
    expect(await second.load()).toHaveLength(1);
    first.close();
    expect((await openTab()).deviceId).toBe(first.deviceId);
    for (const storage of opened) storage.close();
    const next = await openTab();
    expect(next.deviceId).toBe(first.deviceId);
    expect(await next.load()).toHaveLength(1);
  });

  test("tabs that open at the same moment agree", async () => {
    const tabs = await Promise.all(Array.from({ length: 5 }, () => openTab()));
    expect(new Set(tabs.map((tab) => tab.deviceId)).size).toBe(1);
  });

  test("without Web Locks a tab is a device of its own, over reloads", async () => {
    vi.stubGlobal("navigator", {});
    const session = newSession();
    const other = await openTab();
    await other.put(item(1));
    other.close();
    const own = await openTab(session);
    expect(own.group).toBeUndefined();
    expect(own.deviceId).not.toBe(other.deviceId);
    own.close();
    expect((await openTab(session)).deviceId).toBe(own.deviceId);
  });
});

describe("a database of version 1, where every tab was a device", () => {
  /** As the code of version 1 has left it: two devices, the second one with unsent messages. */
  async function leaveOld(...unsent: OutboxItem[]) {
    const old = await openDB("presszero:agt_1", 1, {
      upgrade: (db) => {
        db.createObjectStore("devices", { keyPath: "deviceId" });
        db.createObjectStore("outbox", { keyPath: ["deviceId", "clientId"] }).createIndex("deviceId", "deviceId");
      },
    });
    for (const deviceId of [devices.empty, devices.unsent]) await old.put("devices", { deviceId });
    for (const entry of unsent) await old.put("outbox", { ...entry, deviceId: devices.unsent });
    return old;
  }
  const devices = { empty: newUuid(), unsent: newUuid() };

  test("opens; its unsent messages are taken up by the device that may have begun to send them", async () => {
    const [a, b] = [item(1), item(2, { state: "sending" })];
    (await leaveOld(a, b)).close();
    const storage = await openTab();
    expect(storage.deviceId).toBe(devices.unsent);
    expect(await storage.load()).toEqual([a, { ...b, state: "queued" }]);
    expect((await openTab()).deviceId).toBe(devices.unsent);
  });

  test("a device's messages come after those of another one, when no tab is open", async () => {
    (await leaveOld(item(1))).close();
    const storage = await openTab();
    const other = newUuid();
    const db = await openDB("presszero:agt_1", 2);
    const left = item(3);
    await db.put("outbox", { ...left, deviceId: other });
    db.close();
    for (const { clientId } of await storage.load()) await storage.remove(clientId);
    expect((await openTab()).deviceId).toBe(storage.deviceId);
    for (const tab of opened) tab.close();
    const next = await openTab();
    expect(next.deviceId).toBe(other);
    expect(await next.load()).toEqual([left]);
  });

  test("in use by a tab that does not let go: messages live in memory, and closing the page is warned of", async () => {
    const old = await leaveOld(item(1));
    const storage = await openTab();
    expect(storage.warnOnUnload).toBe(true);
    expect(await storage.load()).toEqual([]);
    old.close();
    expect((await openTab()).deviceId).toBe(devices.unsent);
  });
});

describe("without IndexedDB (CR1)", () => {
  beforeEach(() => {
    vi.stubGlobal("indexedDB", {
      open: () => {
        throw new DOMException("blocked", "SecurityError");
      },
    });
  });

  test("keeps items for the tab's session, and warns", async () => {
    const session = newSession();
    const first = await openTab(session);
    expect(first.warnOnUnload).toBe(true);
    const entry = item(1);
    await first.put(entry);
    const second = await openTab(session);
    expect(second.deviceId).toBe(first.deviceId);
    expect(await second.load()).toEqual([entry]);
  });

  test("works where the person has blocked all storage", async () => {
    Object.defineProperty(globalThis, "sessionStorage", {
      configurable: true,
      get: () => {
        throw new DOMException("blocked", "SecurityError");
      },
    });
    const storage = await openStorage("agt_1");
    await storage.put(item(1));
    expect(storage.warnOnUnload).toBe(true);
    expect(await storage.load()).toHaveLength(1);
    Reflect.deleteProperty(globalThis, "sessionStorage");
  });
});
