/** Sends a film in parts. Storage says what it has: after a break or a restart only the rest is sent. */
import { Refused, Unreachable } from "../../api/client";
import type { FilmFile, ReadFilm } from "./queue";

export interface Begun {
  readonly id: number;
  readonly part_bytes: number;
  readonly part_count: number;
  readonly arrived: readonly number[];
  readonly is_complete: boolean;
}

export interface FilmStorage {
  /** Begins, or goes on with the same film. */
  begin(file: FilmFile): Promise<Begun>;
  link(id: number, number: number): Promise<string>;
  /** The status that storage answered. */
  put(url: string, bytes: ArrayBuffer, onSent: (byteCount: number) => void): Promise<number>;
  complete(id: number): Promise<void>;
  giveUp(id: number): Promise<void>;
}

/** When the academy or storage ended it on the way, it is begun anew so many times. */
const MAX_BEGINNINGS = 3;
/** So many links of one part may come too late. */
const MAX_REFUSALS = 5;
const ENDED = ["upload_used", "parts_missing", "not_found"];

/** The upload's id once all has arrived, or `null` when the film was removed meanwhile. */
export async function sendFilm(
  storage: FilmStorage,
  file: FilmFile,
  read: ReadFilm,
  onProgress: (share: number) => void,
): Promise<number | null> {
  for (let beginning = 1; ; beginning += 1) {
    try {
      return await sendOnce(storage, file, read, onProgress);
    } catch (error) {
      const isEnded = error instanceof Refused && ENDED.includes(error.code);
      if (!isEnded || beginning === MAX_BEGINNINGS) throw error;
    }
  }
}

async function sendOnce(
  storage: FilmStorage,
  file: FilmFile,
  read: ReadFilm,
  onProgress: (share: number) => void,
): Promise<number | null> {
  const { byteCount } = file.film;
  const begun = await storage.begin(file);
  const endOf = (number: number): number => Math.min(number * begun.part_bytes, byteCount);
  const startOf = (number: number): number => (number - 1) * begun.part_bytes;
  let sent = begun.arrived.reduce((sum, number) => sum + endOf(number) - startOf(number), 0);
  onProgress(sent / byteCount);
  for (let number = 1; number <= begun.part_count; number += 1) {
    if (begun.arrived.includes(number)) continue;
    const bytes = await read(startOf(number), endOf(number));
    if (!bytes) {
      await storage.giveUp(begun.id).catch(() => {}); // else the academy ends it itself, in two days
      return null;
    }
    await sendPart(storage, begun.id, number, bytes, (count) => onProgress((sent + count) / byteCount));
    sent += bytes.byteLength;
  }
  if (!begun.is_complete) await storage.complete(begun.id);
  return begun.id;
}

async function sendPart(
  storage: FilmStorage,
  id: number,
  number: number,
  bytes: ArrayBuffer,
  onSent: (byteCount: number) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const status = await storage.put(await storage.link(id, number), bytes, onSent);
    if (status < 300) return;
    if (status >= 500 || status === 0) throw new Unreachable(`storage answered ${status}`);
    if (status === 404) throw new Refused(status, "not_found", `HTTP ${status}`, null);
    if (attempt === MAX_REFUSALS) throw new Unreachable(`storage answered ${status}`);
  }
}
