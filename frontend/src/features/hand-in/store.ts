/** What is yet to be sent, kept by the browser: it outlives a lost connection, a closed tab and a restart. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/** What something is handed in for. Whose homework it is was settled when it was chosen, not when it is sent. */
export type Target =
  | { readonly kind: "exam"; readonly examId: number }
  | { readonly kind: "homework"; readonly assignmentId: number; readonly studentId: number }
  | { readonly kind: "film" };

export interface ItemFile {
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: ArrayBuffer | null; // not a Blob: Safari loses those; null for a film, and once handed in
  readonly film?: Film;
  readonly uploadId: number | null; // once the file has arrived
}

/** A film is kept in slices, since nobody holds it in memory. Name, size and time are what it is known by. */
export interface Film {
  readonly key: string; // of its slices
  readonly byteCount: number;
  readonly modifiedMs: number;
}

/**
 * Files on their way, handed in together. `keeping`: a film that is still being copied from where it was chosen. `waiting`: not sent yet. `handed_in`: the academy has them, the bytes here
 * are gone. `refused`: the academy said no, and why.
 */
export interface Item {
  readonly id: string; // also its Idempotency-Key
  readonly personId: number;
  readonly target: Target;
  readonly title: string; // of the exam or the homework
  readonly files: readonly ItemFile[]; // in the order of their pages
  readonly createdAt: number; // ms since 1970; the order of sending
  readonly state: "keeping" | "waiting" | "handed_in" | "refused";
  readonly hasSubmitted: boolean; // asked to hand it in, whether or not an answer came
  readonly receiptId: number | null; // of the batch or of the submission that it became
  readonly problem: string;
}

/** As items were kept before homework: one file, for an exam. */
interface ItemOfOneFile extends ItemFile, Pick<Item, "id" | "personId" | "createdAt" | "state" | "hasSubmitted" | "problem"> {
  readonly examId: number;
  readonly examTitle: string;
  readonly batchId: number | null;
}

function fromOneFile(old: ItemOfOneFile): Item {
  const { examId, examTitle, batchId, fileName, contentType, bytes, uploadId, ...rest } = old;
  const files = [{ fileName, contentType, bytes, uploadId }];
  return { ...rest, target: { kind: "exam", examId }, title: examTitle, files, receiptId: batchId };
}

interface Tables extends DBSchema {
  items: { key: string; value: Item; indexes: { person: number } };
  slices: { key: [filmKey: string, index: number]; value: ArrayBuffer };
}

const SLICE_BYTES = 8 * 1024 * 1024;
/** A film that is kept for so long was begun by a tab that was closed. */
const KEEPING_MS = 60 * 60_000;

/** Of what was handed in, so many are remembered, to be shown. */
const REMEMBERED = 20;

export class Store {
  private constructor(private readonly db: IDBPDatabase<Tables>) {}

  static async open(name = "hand-in"): Promise<Store> {
    const db: IDBPDatabase<Tables> = await openDB<Tables>(name, 3, {
      async upgrade(changed, before, _, change) {
        changed.createObjectStore("slices");
        if (before === 0) changed.createObjectStore("items", { keyPath: "id" }).createIndex("person", "personId");
        if (before !== 1) return;
        const items = change.objectStore("items");
        for (const old of (await items.getAll()) as unknown as ItemOfOneFile[]) await items.put(fromOneFile(old));
      },
      blocking: () => db.close(), // a newer version of the app, in another tab, wants to change it
    });
    return new Store(db);
  }

  /** The oldest first. Only this person's: a phone is lent. */
  async itemsOf(personId: number): Promise<Item[]> {
    const items = await this.db.getAllFromIndex("items", "person", personId);
    return items.sort((a, b) => a.createdAt - b.createdAt);
  }

  /** All of them or, when there is no room for all, none. */
  async add(items: readonly Item[]): Promise<void> {
    const change = this.db.transaction("items", "readwrite");
    await Promise.all([...items.map((item) => change.store.add(item)), change.done]);
  }

  /** Changes what is still there, and returns it; `null` when it was removed meanwhile. */
  async change(id: string, changes: Partial<Item>): Promise<Item | null> {
    const change = this.db.transaction("items", "readwrite");
    const item = await change.store.get(id);
    const changed = item ? { ...item, ...changes } : null;
    if (changed) await change.store.put(changed);
    await change.done;
    return changed;
  }

  /** Keeps a film, then has it wait to be sent. Raises a `DOMException` when there is no room, and keeps nothing. */
  async addFilm(item: Item, key: string, film: Blob): Promise<void> {
    await this.add([{ ...item, state: "keeping" }]);
    try {
      for (let index = 0; index * SLICE_BYTES < film.size; index += 1) {
        const slice = await film.slice(index * SLICE_BYTES, (index + 1) * SLICE_BYTES).arrayBuffer();
        await this.db.put("slices", slice, [key, index]);
      }
    } catch (error) {
      await this.remove(item.id);
      throw error;
    }
    await this.change(item.id, { state: "waiting" });
  }

  /** The bytes of a film from `start` to `end`; `null` when it was removed meanwhile. */
  async readFilm(key: string, start: number, end: number): Promise<ArrayBuffer | null> {
    const found = new Uint8Array(end - start);
    for (let at = start; at < end; ) {
      const index = Math.floor(at / SLICE_BYTES);
      const slice = await this.db.get("slices", [key, index]);
      const wanted = new Uint8Array(slice ?? []).subarray(at - index * SLICE_BYTES, end - index * SLICE_BYTES);
      if (!wanted.length) return null;
      found.set(wanted, at - start);
      at += wanted.length;
    }
    return found.buffer;
  }

  /** The academy has the film: it is no longer needed here. */
  async forgetFilms(item: Item): Promise<void> {
    for (const { film } of item.files) if (film) await this.db.delete("slices", slicesOf(film.key));
  }

  /** The same under another id, as something that was never sent. */
  async renew(item: Item, id: string): Promise<void> {
    const change = this.db.transaction("items", "readwrite");
    const renewed: Item = { ...item, id, state: "waiting", problem: "" };
    await Promise.all([change.store.delete(item.id), change.store.add(renewed), change.done]);
  }

  async remove(id: string): Promise<void> {
    const item = await this.db.get("items", id);
    if (item) await this.forgetFilms(item);
    await this.db.delete("items", id);
  }

  async forgetOld(personId: number): Promise<void> {
    const items = await this.itemsOf(personId);
    const done = items.filter(({ state }) => state === "handed_in");
    const lost = items.filter(({ state, createdAt }) => state === "keeping" && createdAt < Date.now() - KEEPING_MS);
    for (const item of done.slice(0, Math.max(0, done.length - REMEMBERED))) await this.remove(item.id);
    for (const item of lost) await this.remove(item.id);
  }

  close(): void {
    this.db.close();
  }
}

const slicesOf = (key: string): IDBKeyRange => IDBKeyRange.bound([key, 0], [key, Infinity]);
