/** Whether a value names a page of this origin and nothing that leads away from it, such as `//elsewhere` or `/\\elsewhere`. */
export function isInternalPath(value: unknown, origin: string): value is string {
  return (
    typeof value === "string" &&
    value.startsWith("/") &&
    URL.canParse(value, origin) &&
    new URL(value, origin).origin === origin
  );
}
