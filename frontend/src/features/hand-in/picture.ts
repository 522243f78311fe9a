/** From the file that a person chose to the bytes that are sent: upright, and no larger than the reader needs. */
import { LOOKED_AT_PX, qualityOf, type Subject, type Warning } from "./quality";

/** The reader works on about 200 dpi of an A4 sheet: 2339 pixels. */
export const LONG_SIDE_PX = 2400;
const JPEG_QUALITY = 0.85;
const MEGABYTE = 1024 * 1024;
const LARGEST: Readonly<Record<string, number>> = {
  "image/jpeg": 30 * MEGABYTE,
  "image/png": 60 * MEGABYTE,
  "image/heic": 30 * MEGABYTE,
  "image/heif": 30 * MEGABYTE,
  "application/pdf": 300 * MEGABYTE,
};

export class NotAPicture extends Error {}
export class TooLarge extends Error {}

/** A chosen file. `preview` is null for what this browser cannot draw, which is sent as it is. */
export interface Page {
  readonly id: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly file: File;
  readonly quarterTurns: number;
  readonly preview: string | null;
  readonly warnings: readonly Warning[];
}

/** Raises `NotAPicture` or `TooLarge`. */
export async function openPage(file: File, subject: Subject): Promise<Page> {
  const contentType = typeOf(file);
  const largest = LARGEST[contentType];
  if (!largest) throw new NotAPicture(file.name);
  const page = { id: crypto.randomUUID(), fileName: file.name, contentType, file, quarterTurns: 0 };
  const bitmap = contentType === "application/pdf" ? null : await decoded(file);
  if (!bitmap) {
    if (contentType === "image/jpeg" || contentType === "image/png") throw new NotAPicture(file.name);
    if (file.size > largest) throw new TooLarge(file.name);
    return { ...page, preview: null, warnings: [] };
  }
  const canvas = drawn(bitmap, 0, LOOKED_AT_PX);
  bitmap.close();
  const pixels = canvas.getContext("2d", { willReadFrequently: true })!.getImageData(0, 0, canvas.width, canvas.height);
  const preview = URL.createObjectURL(await asJpeg(canvas));
  return { ...page, preview, warnings: qualityOf(pixels, subject).warnings };
}

/** Phones give some files no type. */
function typeOf(file: File): string {
  const ending = /\.([a-z]+)$/i.exec(file.name)?.[1]?.toLowerCase() ?? "";
  return file.type || ({ heic: "image/heic", heif: "image/heif", pdf: "application/pdf" }[ending] ?? "");
}

async function decoded(file: Blob): Promise<ImageBitmap | null> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null; // HEIC outside Safari, or no picture at all
  }
}

function drawn(bitmap: ImageBitmap, quarterTurns: number, longSide: number): HTMLCanvasElement {
  const scale = Math.min(1, longSide / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  const canvas = document.createElement("canvas");
  const isLying = quarterTurns % 2 === 1;
  [canvas.width, canvas.height] = isLying ? [height, width] : [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingQuality = "high";
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((quarterTurns * Math.PI) / 2);
  context.drawImage(bitmap, -width / 2, -height / 2, width, height);
  return canvas;
}

function asJpeg(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new NotAPicture("canvas"))), "image/jpeg", JPEG_QUALITY);
  });
}

export interface Sendable {
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: ArrayBuffer;
}

/** What is sent of a page. Raises `NotAPicture` when the browser has lost the file. */
export async function sendable(page: Page): Promise<Sendable> {
  if (page.preview === null) {
    return { fileName: page.fileName, contentType: page.contentType, bytes: await page.file.arrayBuffer() };
  }
  const bitmap = await decoded(page.file);
  if (!bitmap) throw new NotAPicture(page.fileName);
  const jpeg = await asJpeg(drawn(bitmap, page.quarterTurns, LONG_SIDE_PX));
  bitmap.close();
  const fileName = page.fileName.replace(/\.[^.]*$/, "") + ".jpg";
  return { fileName, contentType: "image/jpeg", bytes: await jpeg.arrayBuffer() };
}

export function closePage(page: Page): void {
  if (page.preview) URL.revokeObjectURL(page.preview);
}
