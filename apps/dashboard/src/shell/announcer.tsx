import { useEffect, useRef, useState } from "react";
import { useSync } from "../conversations.tsx";
import { useT } from "../i18n.ts";
import { authorName } from "../person.tsx";

/** Says politely to a screen reader that a customer wrote, wherever in the app the person is. */
export function Announcer() {
  const t = useT();
  const sync = useSync();
  const [text, setText] = useState("");
  const since = useRef(new Date().toISOString());

  useEffect(
    () =>
      sync.subscribe(() => {
        let newest = null;
        for (const { summary } of Object.values(sync.getState().conversations)) {
          const preview = summary.preview;
          if (preview?.by.type === "contact" && preview.at > (newest?.at ?? since.current)) newest = preview;
        }
        if (!newest) return;
        since.current = newest.at;
        setText(t("shell.announce", { name: authorName(t, newest.by), text: newest.text }));
      }),
    [sync, t],
  );

  return (
    <div role="log" aria-live="polite">
      {text}
    </div>
  );
}
