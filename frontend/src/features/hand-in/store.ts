/** What is yet to be sent, kept by the browser: it outlives a lost connection, a closed tab and a restart. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/**
 * One file on its way. `waiting`: not sent yet. `handed_in`: the academy has it, the bytes here are gone.
 * `refused`: the academy said no, and why.
 */
export interface Item {
  readonly id: string; // also its Idempotency-Key
  readonly personId: number;
  readonly examId: number;
  readonly examTitle: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly createdAt: number; // ms since 1970; the order of sending
  readonly state: "waiting" | "handed_in" | "refused";
  readonly bytes: ArrayBuffer | null; // not a Blob: Safari loses those
  readonly uploadId: number | null; // once the file has arrived
  readonly hasSubmitted: boolean; // asked to hand it in, whether or not an answer came
  readonly batchId: number | null;
  readonly problem: string;
}

interface Tables extends DBSchema {
  items: { key: string; value: Item; indexes: { person: number } };
}

/** Of what was handed in, so many are remembered, to be shown. */
const REMEMBERED = 20;

export class Store {
  private constructor(private readonly db: IDBPDatabase<Tables>) {}

  static async open(name = "hand-in"): Promise<Store> {
    const db = await openDB<Tables>(name, 1, {
      upgrade(created) {
        created.createObjectStore("items", { keyPath: "id" }).createIndex("person", "personId");
      },
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

  async remove(id: string): Promise<void> {
    await this.db.delete("items", id);
  }

  async forgetOld(personId: number): Promise<void> {
    const done = (await this.itemsOf(personId)).filter((item) => item.state === "handed_in");
    for (const item of done.slice(0, Math.max(0, done.length - REMEMBERED))) await this.remove(item.id);
  }

  close(): void {
    this.db.close();
  }
}
