/** The key in `/chat/WIDGETKEY`, with or without anything behind it; "" when there is none. */
export function readWidgetKey(path: string): string {
  return /^\/chat\/([0-9a-z]{10,40})(?:\/|$)/.exec(path)?.[1] ?? "";
}
