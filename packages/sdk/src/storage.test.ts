import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newUuid } from "./ids.ts";
import { openStorage } from "./storage.ts";
import type { OutboxItem } from "./types.ts";

/** A tab's session, as browsers have it. */
function newSession() {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
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

describe("CR9: every tab is a device", () => {
  test("tabs that live side by side have their own, a duplicated tab too", async () => {
    const session = newSession();
    const tabs = [await openTab(session), await openTab(), await openTab(session)];
    await tabs[0]!.put(item(1));
    expect(new Set(tabs.map((tab) => tab.deviceId)).size).toBe(3);
    expect(await tabs[1]!.load()).toEqual([]);
  });

  test("a new tab takes over the device of a closed one, those with unsent messages first", async () => {
    const [empty, unsent, alive] = [await openTab(), await openTab(), await openTab()];
    await unsent.put(item(1));
    await alive.put(item(2));
    empty.close();
    unsent.close();
    const next = await openTab();
    expect(next.deviceId).toBe(unsent.deviceId);
    expect(await next.load()).toMatchObject([{ message: { text: "text 1" } }]);
  });

  test("without Web Locks a tab keeps to its own", async () => {
    vi.stubGlobal("navigator", {});
    const session = newSession();
    const closed = await openTab();
    await closed.put(item(1));
    closed.close();
    const own = await openTab(session);
    expect(own.deviceId).not.toBe(closed.deviceId);
    own.close();
    expect((await openTab(session)).deviceId).toBe(own.deviceId);
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
