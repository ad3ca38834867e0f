/** Colours are `#rrggbb`. Contrast ratios are those of WCAG 2.2: 1 (none) to 21 (black on white). */

type Rgb = readonly [red: number, green: number, blue: number];

/** The surfaces that coloured things stand on; the same values as `--pz-surface` in tokens.css. */
export const surfaces = { light: "#ffffff", dark: "#17181b" } as const;
export type Theme = keyof typeof surfaces;

const ink = "#17181b";
const fallbackAccent = "#2f5bd7";

function parse(color: string): Rgb | null {
  if (!/^#[0-9a-f]{6}$/i.test(color)) return null;
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function toHex(rgb: Rgb): string {
  return `#${rgb.map((channel) => Math.round(channel).toString(16).padStart(2, "0")).join("")}`;
}

function luminance(color: string): number {
  const [red, green, blue] = (parse(color) ?? [0, 0, 0]).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** The colour for text on `background`: white where it is readable (4.5:1), else our ink, else pure black. */
export function textOn(background: string): string {
  const light = luminance(background) + 0.05;
  if (1.05 / light >= 4.5) return "#ffffff";
  return light / (luminance(ink) + 0.05) >= 4.5 ? ink : "#000000";
}

/** `share` of `other` mixed into `color`, 0 to 1. */
export function mix(color: string, other: string, share: number): string {
  const from = parse(color) ?? [0, 0, 0];
  const to = parse(other) ?? [0, 0, 0];
  return toHex([0, 1, 2].map((at) => from[at]! + (to[at]! - from[at]!) * share) as unknown as Rgb);
}

/** `color`, moved towards black or white only as far as it needs to pass. */
function move(color: string, surface: string, passes: (candidate: string) => boolean): string {
  const target = luminance(surface) > 0.18 ? "#000000" : "#ffffff";
  for (let step = 0; step <= 20; step++) {
    const candidate = mix(color, target, step / 20);
    if (passes(candidate)) return candidate;
  }
  return target;
}

/** `color`, moved towards black or white only as far as it needs to reach `minimum` against `surface`. */
export function readableOn(color: string, surface: string, minimum: number): string {
  return move(color, surface, (candidate) => contrast(candidate, surface) >= minimum);
}

/** The accent as text: readable on the surface, and on the surface tinted with it (at most 16 %, where the pointer is). */
function accentText(color: string, surface: string): string {
  return move(color, surface, (candidate) => contrast(candidate, mix(surface, candidate, 0.16)) >= 4.5);
}

/**
 * The custom properties that tokens.css builds the accent from, for one brand colour: fill, text on the fill, and the
 * accent as text and focus ring, each for light and dark. A colour that cannot be read becomes our own blue.
 */
export function accentProperties(brand: string): Record<string, string> {
  const base = parse(brand) ? brand.toLowerCase() : fallbackAccent;
  const properties: Record<string, string> = {};
  for (const theme of ["light", "dark"] as const) {
    // A fill carries text of its own, so on light it only has to stand out; a dark brand on dark would disappear.
    const fill = readableOn(base, surfaces[theme], theme === "light" ? 1.25 : 3);
    properties[`--pz-accent-${theme}`] = fill;
    properties[`--pz-on-accent-${theme}`] = textOn(fill);
    properties[`--pz-accent-text-${theme}`] = accentText(base, surfaces[theme]);
  }
  return properties;
}
