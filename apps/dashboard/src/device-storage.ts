type DeviceStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** `localStorage`, or where a browser refuses it, memory: then what is kept lasts as long as the page. */
export const deviceStorage: DeviceStorage = localStorageIfAllowed() ?? memory();

function localStorageIfAllowed(): DeviceStorage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function memory(): DeviceStorage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}
