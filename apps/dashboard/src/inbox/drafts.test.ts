import { describe, expect, it } from "vitest";
import { readDraft, writeDraft, type DraftStorage } from "./drafts.ts";

function storage(): DraftStorage & { size: () => number } {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    size: () => items.size,
  };
}

const reply = { agentId: "agt_1", conversationId: "cnv_1", kind: "text" } as const;

describe("drafts", () => {
  it("keeps reply and note, conversations and agents apart", () => {
    const place = storage();
    const keys = [
      reply,
      { ...reply, kind: "note" },
      { ...reply, conversationId: "cnv_2" },
      { ...reply, agentId: "agt_2" },
    ] as const;
    for (const [at, key] of keys.entries()) writeDraft(place, key, ` text ${at}\n`);
    expect(keys.map((key) => readDraft(place, key))).toEqual([" text 0\n", " text 1\n", " text 2\n", " text 3\n"]);
  });

  it("removes a blank draft", () => {
    const place = storage();
    writeDraft(place, reply, "something");
    writeDraft(place, reply, " \n");
    expect(readDraft(place, reply)).toBe("");
    expect(place.size()).toBe(0);
  });

  it("survives a storage that is full", () => {
    const place = {
      ...storage(),
      setItem: () => {
        throw new DOMException("quota", "QuotaExceededError");
      },
    };
    writeDraft(place, reply, "text");
    expect(readDraft(place, reply)).toBe("");
  });
});
