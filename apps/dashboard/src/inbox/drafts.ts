export type DraftStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** What an agent writes by hand. */
export type ComposerKind = "text" | "note";

export type DraftKey = { agentId: string; conversationId: string; kind: ComposerKind };

function nameOf({ agentId, conversationId, kind }: DraftKey): string {
  return `presszero.draft.${agentId}.${conversationId}.${kind}`;
}

/** The unsent text of an agent in a conversation; "" when there is none. */
export function readDraft(storage: DraftStorage, key: DraftKey): string {
  return storage.getItem(nameOf(key)) ?? "";
}

/** Keeps a draft; a blank one is removed. */
export function writeDraft(storage: DraftStorage, key: DraftKey, text: string): void {
  try {
    if (text.trim() === "") storage.removeItem(nameOf(key));
    else storage.setItem(nameOf(key), text);
  } catch {
    // Full: the text is still in the field.
  }
}
