/** What the loader on the host page and the framed app say to each other by postMessage. Anything else is ignored. */
export type FrameMessage =
  /** The app listens. */
  | { presszero: 1; type: "ready" }
  /** Whether the visitor has agreed on this device, and how many messages they have not seen. */
  | { presszero: 1; type: "state"; agreed: boolean; unread: number }
  /** The visitor wants the panel closed. */
  | { presszero: 1; type: "close" };

/** Whether the panel is on screen. */
export type LoaderMessage = { presszero: 1; type: "shown" | "hidden" };

function isShape(data: unknown, keys: string): data is Record<string, unknown> {
  const object = Object(data) as Record<string, unknown>;
  return object.presszero === 1 && Object.keys(object).sort().join() === keys;
}

export function parseFrameMessage(data: unknown): FrameMessage | null {
  if (isShape(data, "presszero,type") && (data.type === "ready" || data.type === "close"))
    return { presszero: 1, type: data.type };
  if (!isShape(data, "agreed,presszero,type,unread") || data.type !== "state") return null;
  const { agreed, unread } = data;
  if (typeof agreed !== "boolean" || !Number.isSafeInteger(unread) || (unread as number) < 0) return null;
  return { presszero: 1, type: "state", agreed, unread: unread as number };
}

export function parseLoaderMessage(data: unknown): LoaderMessage | null {
  return isShape(data, "presszero,type") && (data.type === "shown" || data.type === "hidden")
    ? { presszero: 1, type: data.type }
    : null;
}
