import type { EventsPage } from "@presszero/contracts";

/** What a page may weigh, so that its frame stays below 256 KiB (LM10). */
const mostBytes = 255 * 1024;

/** As much of a page as goes into one frame, at least one event; the client asks for the rest. */
export function fitPage(page: EventsPage, isForward: boolean): EventsPage {
  const { events } = page;
  const nearest = isForward ? events : events.toReversed();
  let bytes = 0;
  const fitting = nearest.findIndex((event, index) => {
    bytes += Buffer.byteLength(JSON.stringify(event)) + 1;
    return index > 0 && bytes > mostBytes;
  });
  if (fitting === -1) return page;
  return { ...page, events: isForward ? events.slice(0, fitting) : events.slice(-fitting), more: true };
}
