type EventSource = {
  addEventListener: (type: string, listener: () => void) => void;
  removeEventListener: EventSource["addEventListener"];
};

/** In a browser: the network is back, or the page is looked at again. */
export function onWake(callback: () => void): () => void {
  const { document, addEventListener, removeEventListener } = globalThis as Partial<EventSource> & {
    document?: EventSource & { visibilityState: string };
  };
  if (document === undefined || addEventListener === undefined || removeEventListener === undefined) return () => {};
  const onVisible = () => document.visibilityState === "visible" && callback();
  addEventListener("online", callback);
  document.addEventListener("visibilitychange", onVisible);
  return () => {
    removeEventListener("online", callback);
    document.removeEventListener("visibilitychange", onVisible);
  };
}
