import { describe, expect, it } from "vitest";

import { Refused, Unreachable } from "../../api/client";
import { filmTypeOf } from "../films/film";
import { type Begun, type FilmStorage, sendFilm } from "./film";
import type { FilmFile } from "./queue";

const PART = 4;
const BYTES = new Uint8Array([...Array(11).keys()]);
const FILE: FilmFile = {
  fileName: "공책.mp4",
  contentType: "video/mp4",
  bytes: null,
  uploadId: null,
  film: { key: "k", byteCount: BYTES.length, modifiedMs: 5 },
};

/** Storage that keeps parts as S3 does, over a line that breaks where the test says. */
class Storage implements FilmStorage {
  parts = new Map<number, number[]>();
  id = 1;
  isComplete = false;
  puts: number[] = [];
  givenUp: number[] = [];
  answers: (number | "broken")[] = [];
  completing: Error[] = [];

  begin(): Promise<Begun> {
    const arrived = [...this.parts.keys()].sort();
    return Promise.resolve({ id: this.id, part_bytes: PART, part_count: 3, arrived, is_complete: this.isComplete });
  }

  link(id: number, number: number): Promise<string> {
    return Promise.resolve(`${id}/${number}`);
  }

  put(url: string, bytes: ArrayBuffer, onSent: (byteCount: number) => void): Promise<number> {
    const number = Number(url.split("/")[1]);
    this.puts.push(number);
    const answer = this.answers.shift() ?? 200;
    onSent(bytes.byteLength / 2);
    if (answer === "broken") return Promise.reject(new Unreachable());
    if (answer === 200) this.parts.set(number, [...new Uint8Array(bytes)]);
    return Promise.resolve(answer);
  }

  complete(): Promise<void> {
    const problem = this.completing.shift();
    if (problem) return Promise.reject(problem);
    this.isComplete = true;
    return Promise.resolve();
  }

  giveUp(id: number): Promise<void> {
    this.givenUp.push(id);
    return Promise.resolve();
  }

  get film(): number[] {
    return [1, 2, 3].flatMap((number) => this.parts.get(number) ?? []);
  }
}

const read = (start: number, end: number): Promise<ArrayBuffer> => Promise.resolve(BYTES.slice(start, end).buffer);
const send = (storage: Storage, shown: number[] = []): Promise<number | null> =>
  sendFilm(storage, FILE, read, (share) => shown.push(Math.round(100 * share)));

describe("a film", () => {
  it("arrives whole, part by part, and says how far it is", async () => {
    const [storage, shown] = [new Storage(), [] as number[]];
    expect(await send(storage, shown)).toBe(1);
    expect(storage.film).toEqual([...BYTES]);
    expect(storage.puts).toEqual([1, 2, 3]);
    expect(storage.isComplete).toBe(true);
    expect(shown).toEqual([0, 18, 55, 86]);
  });

  it("goes on after a break with what is missing, and sends nothing twice that has arrived", async () => {
    const [storage, shown] = [new Storage(), [] as number[]];
    storage.answers = [200, "broken"];
    await expect(send(storage)).rejects.toThrow(Unreachable);
    expect(await send(storage, shown)).toBe(1);
    expect(storage.puts).toEqual([1, 2, 2, 3]);
    expect(storage.film).toEqual([...BYTES]);
    expect(shown[0]).toBe(36);
  });

  it("is not sent at all when all of it has arrived", async () => {
    const storage = new Storage();
    await send(storage);
    storage.puts = [];
    expect(await send(storage)).toBe(1);
    expect(storage.puts).toEqual([]);
  });

  it("takes a new link when one came too late", async () => {
    const storage = new Storage();
    storage.answers = [403, 200];
    expect(await send(storage)).toBe(1);
    expect(storage.puts).toEqual([1, 1, 2, 3]);
  });

  it("waits when storage does not take a part at all, and does not ask for ever", async () => {
    for (const answer of [403, 500]) {
      const storage = new Storage();
      storage.answers = Array<number>(99).fill(answer);
      await expect(send(storage)).rejects.toThrow(Unreachable);
      expect(storage.puts.length).toBeLessThanOrEqual(5);
      expect(storage.isComplete).toBe(false);
    }
  });

  it("is begun anew when it ended on the way", async () => {
    const storage = new Storage();
    storage.answers = [200, 404];
    storage.completing = [new Refused(409, "parts_missing", "", null)];
    expect(await send(storage)).toBe(1);
    expect(storage.film).toEqual([...BYTES]);
  });

  it("is not begun anew for ever", async () => {
    const storage = new Storage();
    storage.completing = Array.from({ length: 9 }, () => new Refused(409, "upload_used", "끝났어요", null));
    await expect(send(storage)).rejects.toThrow("끝났어요");
    expect(storage.completing).toHaveLength(6);
  });

  it("is given up when it is removed on the way", async () => {
    const storage = new Storage();
    const gone = (start: number, end: number) => (start ? Promise.resolve(null) : read(start, end));
    expect(await sendFilm(storage, FILE, gone, () => {})).toBe(null);
    expect(storage.givenUp).toEqual([1]);
    expect(storage.isComplete).toBe(false);
  });
});

describe("what is chosen as a film", () => {
  it.each([
    ["a.MP4", "", "video/mp4"],
    ["a.mov", "video/mp4", "video/quicktime"],
    ["a.m4v", "video/x-m4v", "video/mp4"],
    ["recording", "video/webm;codecs=vp9", "video/webm"],
  ])("%s of %s is %s", (name, type, expected) => {
    expect(filmTypeOf({ name, type, size: 5 })).toBe(expected);
  });

  it.each([
    ["a.avi", "video/x-msvideo", 5],
    ["a", "", 5],
    ["a.jpg", "image/jpeg", 5],
    ["a.mp4", "video/mp4", 0],
    ["a.mp4", "video/mp4", 2048 * 1024 * 1024 + 1],
  ])("%s of %s and %i bytes is refused", (name, type, size) => {
    expect(() => filmTypeOf({ name, type, size })).toThrow();
  });
});
