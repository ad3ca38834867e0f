import type { ConversationId } from "@presszero/contracts";

/** What was typed and not sent yet; null is the conversation that is not started yet. */
export type Drafts = {
  read: (conversationId: ConversationId | null) => string;
  write: (conversationId: ConversationId | null, text: string) => void;
};

const keyOf = (widgetKey: string) => `presszero:drafts:${widgetKey}`;

/** Drafts live as long as the tab: the visitor goes on through the website, which loads the chat anew on each page. */
export function openDrafts(widgetKey: string): Drafts {
  const drafts = new Map<string, string>(stored(widgetKey));
  return {
    read: (conversationId) => drafts.get(conversationId ?? "") ?? "",
    write: (conversationId, text) => {
      if (text === "") drafts.delete(conversationId ?? "");
      else drafts.set(conversationId ?? "", text);
      try {
        sessionStorage.setItem(keyOf(widgetKey), JSON.stringify([...drafts]));
      } catch {
        // Storage is blocked or full: drafts live as long as the page.
      }
    },
  };
}

export function forgetDrafts(widgetKey: string): void {
  try {
    sessionStorage.removeItem(keyOf(widgetKey));
  } catch {
    // Nothing was stored either.
  }
}

/** The storage is our own origin's; still, whatever stands there must not break the chat. */
function stored(widgetKey: string): [string, string][] {
  try {
    const pairs: unknown = JSON.parse(sessionStorage.getItem(keyOf(widgetKey)) ?? "[]");
    return Array.isArray(pairs) ? pairs.filter((pair) => Array.isArray(pair) && typeof pair[1] === "string") : [];
  } catch {
    return [];
  }
}
