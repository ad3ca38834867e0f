import { ApiError } from "@presszero/sdk";
import { notifications } from "@mantine/notifications";
import { codeOf } from "./api.ts";
import type { T } from "./i18n.ts";

/** What a person reads when a request failed. */
export function errorText(t: T, error: unknown): string {
  return t(`errors.${codeOf(error)}`);
}

export function notifyError(t: T, error: unknown): void {
  notifications.show({ color: "red", message: errorText(t, error), role: "alert" });
}

/** Texts for the fields that a VALIDATION error names, as @mantine/form takes them. */
export function fieldErrors(t: T, error: unknown): Record<string, string> {
  const fields = error instanceof ApiError ? error.details.fields : undefined;
  if (!Array.isArray(fields)) return {};
  const paths = fields.map((field: { path: string }) => field.path.replace(/^body\./, ""));
  return Object.fromEntries(paths.map((path) => [path, t("fields.invalid")]));
}
