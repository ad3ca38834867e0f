import fc from "fast-check";
import { expect, test } from "vitest";
import { accentProperties, contrast, readableOn, surfaces, textOn } from "./contrast.ts";

const color = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, "0")}`);

test("contrast follows WCAG", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
  expect(contrast("#123456", "#123456")).toBe(1);
});

test("text on an accent is white where white is readable, and dark on a bright one", () => {
  expect(textOn("#1a56db")).toBe("#ffffff");
  expect(textOn("#ffd400")).toBe("#17181b");
});

test("text on any colour at all reaches 4.5:1", () => {
  fc.assert(
    fc.property(color, (background) => {
      expect(contrast(textOn(background), background)).toBeGreaterThanOrEqual(4.5);
    }),
  );
});

test("a readable colour is left as it is; any other is moved until it is", () => {
  expect(readableOn("#1a56db", surfaces.light, 4.5)).toBe("#1a56db");
  fc.assert(
    fc.property(color, fc.constantFrom<"light" | "dark">("light", "dark"), (brand, theme) => {
      expect(contrast(readableOn(brand, surfaces[theme], 4.5), surfaces[theme])).toBeGreaterThanOrEqual(4.5);
    }),
  );
});

test("every accent can be read as fill and as text in both themes", () => {
  fc.assert(
    fc.property(color, (brand) => {
      const properties = accentProperties(brand);
      for (const theme of ["light", "dark"] as const) {
        const fill = properties[`--pz-accent-${theme}`]!;
        expect(contrast(fill, properties[`--pz-on-accent-${theme}`]!)).toBeGreaterThanOrEqual(4.5);
        expect(contrast(properties[`--pz-accent-text-${theme}`]!, surfaces[theme])).toBeGreaterThanOrEqual(4.5);
      }
      expect(contrast(properties["--pz-accent-dark"]!, surfaces.dark)).toBeGreaterThanOrEqual(3);
    }),
  );
});

test("a brand colour that is none becomes a safe blue", () => {
  expect(accentProperties("red;background:url(x)")).toEqual(accentProperties("#2f5bd7"));
});
