import { useEffect, useRef } from "react";

/** The keys of the inbox and the names of what they do, in the order of the help sheet. */
export const shortcuts = [
  { key: "j", action: "next" },
  { key: "k", action: "previous" },
  { key: "r", action: "reply" },
  { key: "n", action: "note" },
  { key: "a", action: "assign" },
  { key: "e", action: "close" },
  { key: "Escape", action: "back" },
  { key: "?", action: "help" },
] as const;
export type ShortcutAction = (typeof shortcuts)[number]["action"];

/** Keys belong to these while they have the focus. */
const owners = "input, textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]";

/** The latin letter at the key's place, so that shortcuts work on an Arabic or Greek keyboard too. */
function keyOf(event: KeyboardEvent): string {
  const latin = event.key.length === 1 && event.key > "~" && /^Key([A-Z])$/.exec(event.code);
  return latin ? latin[1]!.toLowerCase() : event.key;
}

export function useShortcuts(actions: Record<ShortcutAction, () => void>): void {
  const current = useRef(actions);
  useEffect(() => {
    current.current = actions;
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.target instanceof Element && event.target.closest(owners)) return;
      const shortcut = shortcuts.find(({ key }) => key === keyOf(event));
      if (!shortcut) return;
      event.preventDefault();
      current.current[shortcut.action]();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
}
