import type { ConversationId, Message, Transcript } from "@presszero/contracts";

/** The messages as a file: lines with time and author, or JSON as it is. Deleted messages are left out. */
export function formatTranscript(
  id: ConversationId,
  messages: readonly Message[],
  { format, locale, timeZone }: { format: "text" | "json"; locale: string; timeZone: string },
): Transcript {
  const kept = messages.filter((message) => message.deletedAt === null);
  if (format === "json") {
    const content = `${JSON.stringify({ conversationId: id, messages: kept }, null, 2)}\n`;
    return { fileName: `${id}.json`, mediaType: "application/json", content };
  }
  const time = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: "medium", timeStyle: "short" });
  const lines = kept.map((message) => {
    const name = message.author.name ?? (message.createdBy === "user" ? "–" : "");
    // A second line must not look like the beginning of another message.
    return `[${time.format(new Date(message.createdAt))}] ${name}: ${message.text.replaceAll(/\r?\n/g, "\n    ")}`;
  });
  return { fileName: `${id}.txt`, mediaType: "text/plain; charset=utf-8", content: `${lines.join("\n")}\n` };
}
