import { describe, expect, it } from "vitest";

import { grayscale, markers, meanLuminance, type Pixels, qualityOf, sharpness } from "./quality";

const [WIDTH, HEIGHT] = [640, 900];

function picture(level: (x: number, y: number) => number): Pixels {
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const at = (y * WIDTH + x) * 4;
      data.fill(level(x, y), at, at + 3);
      data[at + 3] = 255;
    }
  }
  return { data, width: WIDTH, height: HEIGHT };
}

interface Look {
  markers?: readonly (readonly [number, number])[];
  light?: (x: number, y: number) => number;
}

const CORNERS = [
  [40, 40],
  [580, 60],
  [590, 850],
  [30, 840],
] as const;

/** Paper with rows of bubbles, and squares of 24 pixels, each with its white hole. */
function sheet({ markers: squares = CORNERS, light = () => 1 }: Look = {}): Pixels {
  return picture((x, y) => {
    const inSquare = squares.some(([left, top]) => {
      const [dx, dy] = [x - left, y - top];
      const isHole = dx >= 8 && dx < 16 && dy >= 8 && dy < 16;
      return dx >= 0 && dx < 24 && dy >= 0 && dy < 24 && !isHole;
    });
    const fromBubble = Math.hypot((x % 40) - 20, (y % 40) - 20);
    const isBubble = x > 100 && x < 540 && y > 200 && y < 800 && Math.abs(fromBubble - 8) < 1;
    return (inSquare ? 25 : isBubble ? 110 : 225) * light(x, y);
  });
}

/** The mean of so many pixels to both sides, along the rows and then along the columns. */
function blurred(pixels: Pixels, reach: number): Pixels {
  let data = pixels.data;
  for (const step of [4, 4 * WIDTH]) {
    const from = data;
    data = new Uint8ClampedArray(from);
    for (let at = reach * step; at < from.length - reach * step; at += 4) {
      let sum = 0;
      for (let k = -reach; k <= reach; k += 1) sum += from[at + k * step]!;
      data.fill(sum / (2 * reach + 1), at, at + 3);
    }
  }
  return { ...pixels, data };
}

describe("a photograph before it is sent", () => {
  it("is fine when it is sharp, light and whole", () => {
    const quality = qualityOf(sheet(), "sheet");
    expect(quality.warnings).toEqual([]);
    const found = quality.corners!.map(({ x, y }) => [Math.round(x), Math.round(y)]);
    expect(found).toEqual(CORNERS.map(([x, y]) => [x + 12, y + 12]));
  });

  it("is fine under a lamp at one side", () => {
    expect(qualityOf(sheet({ light: (x) => 0.45 + (0.55 * x) / WIDTH }), "sheet").warnings).toEqual([]);
  });

  it("is said to be dark when it is", () => {
    expect(qualityOf(sheet({ light: () => 0.2 }), "sheet").warnings).toContain("dark");
  });

  it("is said to be blurred when it is", () => {
    expect(qualityOf(blurred(sheet(), 6), "sheet").warnings).toContain("blurred");
  });

  it.each([0, 1, 2, 3])("lacks a corner when square %i is outside", (missing) => {
    const rest = CORNERS.filter((_, index) => index !== missing);
    expect(qualityOf(sheet({ markers: rest }), "sheet").warnings).toEqual(["corners"]);
  });

  it("does not take a big dark thing for a corner of the sheet", () => {
    const table = sheet({ markers: CORNERS.slice(1), light: (x, y) => (x < 130 && y < 130 ? 0.1 : 1) });
    expect(qualityOf(table, "sheet").corners).toBeNull();
  });

  it("needs no squares when it is of homework, but light and sharpness", () => {
    const page = sheet({ markers: [] });
    expect(qualityOf(page, "paper").warnings).toEqual([]);
    expect(qualityOf(blurred(page, 6), "paper").warnings).toEqual(["blurred"]);
    expect(qualityOf(sheet({ markers: [], light: () => 0.2 }), "paper").warnings).toEqual(["dark"]);
  });

  it("may be empty", () => {
    const nothing = { data: new Uint8ClampedArray(0), width: 0, height: 0 };
    expect(qualityOf(nothing, "sheet").warnings).toEqual(["dark", "corners"]);
  });
});

describe("its measures", () => {
  it("weigh colours as the eye does", () => {
    const data = new Uint8ClampedArray([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255]);
    expect([...grayscale({ data, width: 3, height: 1 }).data]).toEqual([76, 149, 29]);
  });

  it("tell light from dark by the mean", () => {
    expect(meanLuminance({ data: new Uint8Array([0, 100, 200]), width: 3, height: 1 })).toBe(100);
  });

  it("do not take a pale picture for a blurred one", () => {
    const strong = grayscale(sheet());
    const pale = { ...strong, data: strong.data.map((value) => 120 + value / 4) };
    expect(sharpness(pale) / sharpness(strong)).toBeCloseTo(1, 0);
    expect(sharpness({ data: new Uint8Array(9).fill(7), width: 3, height: 3 })).toBe(0);
  });

  it("find no square on plain paper", () => {
    expect(markers(grayscale(picture(() => 220)))).toBeNull();
  });
});
