/**
 * Whether a photograph is worth sending: sharpness, light, and an answer sheet's four black squares.
 *
 * Pure functions over pixels, told before anything is sent. They only warn: what can be read is decided by the reader,
 * which sees the whole picture and not this small copy of it.
 */

/** RGBA, row by row, as a canvas gives it. */
export interface Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** One byte a pixel, 0 is black. */
export interface Gray {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Top left, top right, bottom right, bottom left. */
export type Quad = readonly [Point, Point, Point, Point];

export interface Quality {
  readonly luminance: number;
  readonly sharpness: number;
  readonly corners: Quad | null;
  readonly warnings: readonly Warning[];
}

export type Warning = "dark" | "blurred" | "corners";

/** What is photographed: an answer sheet, or paper without squares at its corners. */
export type Subject = "sheet" | "paper";

/** The long side of the copy that is looked at: a marker is about 20 pixels wide on it. */
export const LOOKED_AT_PX = 900;
/** Of 255, the mean of the whole picture. */
const DARK_BELOW = 60;
/**
 * Variance of the Laplacian of the copy, in units of the picture's own contrast squared (see `sharpness`). Of generated
 * photographs that are read the least is 0.0066; blurred by 3 pixels of 2400 the most is 0.0026. Of homework 0.0053 and,
 * blurred, 0.0025.
 */
const BLURRED_BELOW = 0.004;
/** Marks stand out from the paper around them by this much of its brightness. */
const INK_SHARE = 0.62;
const MARKER_SHARE_MIN = 0.008;
const MARKER_SHARE_MAX = 0.05;
const SMALLEST_OF_LARGEST = 0.33;

export function qualityOf(pixels: Pixels, subject: Subject): Quality {
  const gray = grayscale(pixels);
  const luminance = meanLuminance(gray);
  const sharp = sharpness(gray);
  const corners = subject === "sheet" ? markers(gray) : null;
  const warnings: Warning[] = [];
  if (luminance < DARK_BELOW) warnings.push("dark");
  else if (sharp < BLURRED_BELOW) warnings.push("blurred");
  if (subject === "sheet" && !corners) warnings.push("corners");
  return { luminance, sharpness: sharp, corners, warnings };
}

/** ITU-R BT.601 luma. */
export function grayscale({ data, width, height }: Pixels): Gray {
  const gray = new Uint8Array(width * height);
  for (let i = 0, p = 0; i < gray.length; i += 1, p += 4) {
    gray[i] = (data[p]! * 299 + data[p + 1]! * 587 + data[p + 2]! * 114) / 1000;
  }
  return { data: gray, width, height };
}

export function meanLuminance({ data }: Gray): number {
  let sum = 0;
  for (const value of data) sum += value;
  return data.length ? sum / data.length : 0;
}

/**
 * Variance of the Laplacian (Pech-Pacheco et al., 2000), divided by the squared contrast of the picture, so that a pale
 * but sharp picture is not taken for a blurred one. 0 for a picture without any contrast.
 */
export function sharpness({ data, width, height }: Gray): number {
  let [sum, squares, count] = [0, 0, 0];
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const i = y * width + x;
      const value = data[i - 1]! + data[i + 1]! + data[i - width]! + data[i + width]! - 4 * data[i]!;
      sum += value;
      squares += value * value;
      count += 1;
    }
  }
  if (!count) return 0;
  const contrast = quantile(data, 0.98) - quantile(data, 0.02);
  return contrast > 0 ? (squares / count - (sum / count) ** 2) / contrast ** 2 : 0;
}

function quantile(data: Uint8Array, share: number): number {
  const counts = new Uint32Array(256);
  for (const value of data) counts[value]! += 1;
  let left = share * data.length;
  for (let value = 0; value < 256; value += 1) {
    left -= counts[value]!;
    if (left <= 0) return value;
  }
  return 255;
}

/** The four squares at the corners of the sheet, `null` unless there is one in each quarter of the picture. */
export function markers(gray: Gray): Quad | null {
  const found = blobs(inkOf(gray)).filter((blob) => isMarker(blob, gray));
  // A filled bubble covers a quarter of what a marker does; perspective takes less than that from the far ones.
  const largest = Math.max(...found.map(({ area }) => area));
  const squares = found.filter(({ area }) => area >= SMALLEST_OF_LARGEST * largest);
  const { width, height } = gray;
  const corners = [
    { x: 0, y: 0 },
    { x: width, y: 0 },
    { x: width, y: height },
    { x: 0, y: height },
  ].map((corner) => nearest(squares, corner, gray));
  const [a, b, c, d] = corners;
  return a && b && c && d ? [centre(a), centre(b), centre(c), centre(d)] : null;
}

interface Blob {
  left: number;
  top: number;
  width: number;
  height: number;
  area: number;
}

const centre = ({ left, top, width, height }: Blob): Point => ({ x: left + width / 2, y: top + height / 2 });

function isMarker({ width, height, area }: Blob, gray: Gray): boolean {
  const side = Math.max(gray.width, gray.height);
  const size = Math.max(width, height);
  return (
    size >= MARKER_SHARE_MIN * side &&
    size <= MARKER_SHARE_MAX * side &&
    Math.min(width, height) >= 0.6 * size &&
    area >= 0.5 * width * height // with its white hole, and turned a little
  );
}

/** The square nearest to a corner of the picture, within that corner's quarter. */
function nearest(squares: readonly Blob[], corner: Point, gray: Gray): Blob | null {
  let [best, least] = [null as Blob | null, Infinity];
  for (const square of squares) {
    const { x, y } = centre(square);
    if (Math.abs(x - corner.x) > gray.width / 2 || Math.abs(y - corner.y) > gray.height / 2) continue;
    const distance = Math.hypot(x - corner.x, y - corner.y);
    if (distance < least) [best, least] = [square, distance];
  }
  return best;
}

/** 1 where a pixel is much darker than the mean around it (Bradley and Roth, 2007, by an integral image). */
function inkOf({ data, width, height }: Gray): Gray {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y += 1) {
    let row = 0;
    for (let x = 0; x < width; x += 1) {
      row += data[y * width + x]!;
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1]! + row;
    }
  }
  const reach = Math.round(Math.max(width, height) / 16);
  const ink = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const [top, bottom] = [Math.max(0, y - reach), Math.min(height, y + reach + 1)];
    for (let x = 0; x < width; x += 1) {
      const [left, right] = [Math.max(0, x - reach), Math.min(width, x + reach + 1)];
      const sum =
        sums[bottom * (width + 1) + right]! -
        sums[top * (width + 1) + right]! -
        sums[bottom * (width + 1) + left]! +
        sums[top * (width + 1) + left]!;
      const mean = sum / ((bottom - top) * (right - left));
      if (data[y * width + x]! < INK_SHARE * mean) ink[y * width + x] = 1;
    }
  }
  return { data: ink, width, height };
}

/** Connected ink, by its box. */
function blobs({ data, width, height }: Gray): Blob[] {
  const seen = new Uint8Array(data.length);
  const found: Blob[] = [];
  const stack: number[] = [];
  for (let start = 0; start < data.length; start += 1) {
    if (!data[start] || seen[start]) continue;
    let [left, right, top, bottom, area] = [width, 0, height, 0, 0];
    seen[start] = 1;
    stack.push(start);
    while (stack.length) {
      const at = stack.pop()!;
      const x = at % width;
      const y = (at - x) / width;
      area += 1;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
      const around = [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width];
      for (const next of around) {
        if (next < 0 || next >= data.length || !data[next] || seen[next]) continue;
        seen[next] = 1;
        stack.push(next);
      }
    }
    found.push({ left, top, width: right - left + 1, height: bottom - top + 1, area });
  }
  return found;
}
