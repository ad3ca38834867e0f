import type { Clock } from "../src/clock.ts";
import { systemClock } from "../src/clock.ts";
import { createApi } from "../src/http.ts";
import { newUuid } from "../src/ids.ts";
import { type DeviceStorage, memoryStorage, type TabGroup } from "../src/storage.ts";
import { createSync } from "../src/sync.ts";
import type { TestServer } from "./server.ts";

/**
 * A browser whose tabs use real locks, channels, sockets and requests, and can be killed or frozen in the middle of
 * anything: whatever connects a tab with the rest of the world is cut, or held back, at once.
 */
export function openBrowser(server: TestServer) {
  const shared = memoryStorage();
  const name = newUuid();
  const { baseUrl } = server;

  function openTab() {
    let isDead = false;
    /** What a frozen tab would have done, for when it wakes up. */
    let frozen: (() => void)[] | null = null;
    const died = new AbortController();
    /** Inside of the tab something happens: not any more, or not now. */
    const within =
      <Args extends unknown[]>(work: (...args: Args) => void) =>
      (...args: Args) => {
        if (isDead) return;
        if (frozen === null) work(...args);
        else frozen.push(() => work(...args));
      };
    const clock: Clock = { ...systemClock, after: (ms, callback) => systemClock.after(ms, within(callback)) };
    const cut = (end: () => void) => died.signal.addEventListener("abort", end);
    const storage: DeviceStorage = {
      ...shared,
      group: { name, locks: locksOf(died.signal, within), openChannel: (channel) => channelOf(channel, cut, within) },
      put: async (item) => (isDead ? never : shared.put(item)),
      remove: async (clientId) => (isDead ? never : shared.remove(clientId)),
    };
    class TabSocket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        cut(() => this.close());
        for (const type of ["open", "message", "close", "error"]) {
          const set = (listener: (event: Event) => void) => this.addEventListener(type, within(listener));
          Object.defineProperty(this, `on${type}`, { set });
        }
      }
    }
    const fetchWithin: typeof fetch = async (...args) => {
      const response = await fetch(...args);
      await new Promise<void>((resolve) => within(resolve)());
      return response;
    };
    const api = createApi({ baseUrl, fetch: fetchWithin });
    const sync = createSync({ api, baseUrl, side: "contact", client: "test/1", clock, storage, WebSocket: TabSocket });
    sync.start();
    return {
      ...sync,
      kill: () => {
        isDead = true;
        died.abort();
      },
      freeze: () => void (frozen ??= []),
      thaw: () => {
        const late = frozen ?? [];
        frozen = null;
        for (const work of late) work();
      },
    };
  }

  return { deviceId: shared.deviceId, name: `${name} test/1`, storage: shared, openTab };
}

const never = new Promise<never>(() => {});
type Within = <Args extends unknown[]>(work: (...args: Args) => void) => (...args: Args) => void;

/** What a tab says before it dies is heard; afterwards it neither hears nor says anything. */
function channelOf(name: string, cut: (end: () => void) => void, within: Within): ReturnType<TabGroup["openChannel"]> {
  const channel = new BroadcastChannel(name);
  cut(() => channel.close());
  return {
    postMessage: within((message: unknown) => channel.postMessage(message)),
    close: () => channel.close(),
    set onmessage(listener: (event: MessageEvent) => void) {
      channel.onmessage = within(listener) as never;
    },
  };
}

/** The platform's locks, as one tab holds them: its death lets go of them all. */
function locksOf(died: AbortSignal, within: Within): TabGroup["locks"] {
  const death = new Promise<void>((resolve) => died.addEventListener("abort", () => resolve()));
  const request = (name: string, ...rest: unknown[]) => {
    const held = rest.at(-1) as (lock: object | null) => unknown;
    const options = (rest.length > 1 ? rest[0] : {}) as LockOptions;
    const signal = options.signal ? AbortSignal.any([options.signal, died]) : died;
    const hold = (lock: object | null) =>
      new Promise((resolve, reject) => {
        void death.then(resolve);
        within(() => void Promise.resolve(held(lock)).then(resolve, reject))();
      });
    return new Promise((resolve, reject) => {
      const requested = navigator.locks.request(name, options.steal ? options : { ...options, signal }, hold);
      requested.then(within(resolve), within(reject));
    });
  };
  return { request: request as TabGroup["locks"]["request"] };
}
