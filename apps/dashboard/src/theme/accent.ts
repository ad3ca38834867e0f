import { accentProperties } from "@presszero/ui";

/** Gives the whole app the brand colour of a company, `#rrggbb`. */
export function applyAccent(brand: string): void {
  for (const [name, value] of Object.entries(accentProperties(brand)))
    document.documentElement.style.setProperty(name, value);
}
