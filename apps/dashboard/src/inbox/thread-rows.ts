import type { Author } from "@presszero/contracts";
import type { ThreadItem } from "@presszero/sdk";
import { isSameDay } from "@presszero/ui";

const groupMs = 5 * 60_000;

/** A thread item and what its neighbours mean for how it is drawn. */
export type ThreadRow = {
  item: ThreadItem;
  at: number;
  /** The first of its day: a line with the date stands above it. */
  startsDay: boolean;
  /** The first message that is new to the reader: a line stands above it. */
  startsNew: boolean;
  /** First and last of a run of messages by one author, at most five minutes apart each. */
  startsGroup: boolean;
  endsGroup: boolean;
};

function timeOf(item: ThreadItem): number {
  if (item.type === "message") return Date.parse(item.message.createdAt);
  if (item.type === "event") return Date.parse(item.event.at);
  return item.item.sent ? Date.parse(item.item.sent.at) : item.item.queuedAt;
}

/** What has to be equal for two items to stand in one group; null never groups. */
function groupOf(item: ThreadItem, ownId: string): string | null {
  if (item.type === "event") return null;
  const { kind, authorId } =
    item.type === "message"
      ? { kind: item.message.kind, authorId: item.message.author.id }
      : { kind: item.item.message.kind, authorId: ownId };
  return `${kind} ${authorId}`;
}

function isNewTo(item: ThreadItem, newAfter: number | null): boolean {
  return (
    newAfter !== null && item.type === "message" && item.message.createdBy === "user" && item.message.seq > newAfter
  );
}

/**
 * `newAfter` is the seq up to which the reader had read when they came; null shows no line. With `older` there is more
 * before the first item: its day may have begun there, and a line that vanished on loading would move what is read.
 */
export function threadRows(
  items: readonly ThreadItem[],
  ownId: Author["id"],
  newAfter: number | null,
  older: boolean,
): ThreadRow[] {
  const firstNew = items.findIndex((item) => isNewTo(item, newAfter));
  const rows: ThreadRow[] = [];
  for (const [at, item] of items.entries()) {
    const previous = rows.at(-1);
    const time = timeOf(item);
    const startsDay = previous ? !isSameDay(previous.at, time) : !older;
    const startsNew = at === firstNew;
    const group = groupOf(item, ownId);
    const continues =
      previous !== undefined &&
      !startsDay &&
      !startsNew &&
      group !== null &&
      group === groupOf(previous.item, ownId) &&
      time - previous.at <= groupMs;
    if (continues) previous.endsGroup = false;
    rows.push({ item, at: time, startsDay, startsNew, startsGroup: !continues, endsGroup: true });
  }
  return rows;
}
