import { linkify } from "@presszero/ui";
import { useMemo } from "preact/hooks";

export function MessageText({ text }: { text: string }) {
  const parts = useMemo(() => {
    let end = 0;
    return linkify(text).map((part) => ({ ...part, end: (end += part.text.length) }));
  }, [text]);
  return (
    <p class="message-text" dir="auto">
      {parts.map((part) =>
        part.type === "link" ? (
          <a key={part.end} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
            {part.text}
          </a>
        ) : (
          part.text
        ),
      )}
    </p>
  );
}
