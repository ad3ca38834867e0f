import { useEffect, useSyncExternalStore } from "react";
import { usePreference } from "../preferences.ts";

const dark = matchMedia("(prefers-color-scheme: dark)");

function subscribe(listener: () => void): () => void {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
}

/** The colour scheme to draw: the person's choice, or that of the operating system, live. */
export function useScheme(): "light" | "dark" {
  const preferred = usePreference("colorScheme");
  const system = useSyncExternalStore(subscribe, () => (dark.matches ? "dark" : "light"));
  const scheme = preferred === "auto" ? system : preferred;
  useEffect(() => document.documentElement.setAttribute("data-theme", scheme), [scheme]);
  return scheme;
}
