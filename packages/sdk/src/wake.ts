type EventSource = {
  addEventListener: (type: string, listener: () => void) => void;
  removeEventListener: EventSource["addEventListener"];
};

/** In a browser: the network is back, or the page is looked at again. */
export function onWake(callback: () => void): () => void {
  const { document } = globalThis as { document?: EventSource & { visibilityState: string } };
  if (document === undefined) return () => {};
  const onVisible = () => document.visibilityState === "visible" && callback();
  document.addEventListener("visibilitychange", onVisible);
  const endOnline = onOnline(callback);
  return () => {
    document.removeEventListener("visibilitychange", onVisible);
    endOnline();
  };
}

/** In a browser: there is a network again, perhaps another one. */
export function onOnline(callback: () => void): () => void {
  const { addEventListener, removeEventListener } = globalThis as Partial<EventSource>;
  if (addEventListener === undefined || removeEventListener === undefined) return () => {};
  addEventListener("online", callback);
  return () => removeEventListener("online", callback);
}
