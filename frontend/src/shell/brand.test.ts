import { expect, it } from "vitest";

import { colourOf } from "./brand";

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

it("gives an academy one colour that can be read on white, and others another", () => {
  const slugs = Array.from({ length: 200 }, (_, n) => `academy-${n}`);
  const colours = new Set(slugs.map(colourOf));
  expect(colours.size).toBe(8);
  expect(colourOf("hana")).toBe(colourOf("hana"));
  for (const colour of colours) expect(1.05 / (luminance(colour) + 0.05)).toBeGreaterThan(5);
});
