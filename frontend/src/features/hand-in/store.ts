/** What is yet to be sent, kept by the browser: it outlives a lost connection, a closed tab and a restart. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/** What something is handed in for. Whose homework it is was settled when it was chosen, not when it is sent. */
export type Target =
  | { readonly kind: "exam"; readonly examId: number }
  | { readonly kind: "homework"; readonly assignmentId: number; readonly studentId: number };

export interface ItemFile {
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: ArrayBuffer | null; // not a Blob: Safari loses those
  readonly uploadId: number | null; // once the file has arrived
}

/**
 * Files on their way, handed in together. `waiting`: not sent yet. `handed_in`: the academy has them, the bytes here
 * are gone. `refused`: the academy said no, and why.
 */
export interface Item {
  readonly id: string; // also its Idempotency-Key
  readonly personId: number;
  readonly target: Target;
  readonly title: string; // of the exam or the homework
  readonly files: readonly ItemFile[]; // in the order of their pages
  readonly createdAt: number; // ms since 1970; the order of sending
  readonly state: "waiting" | "handed_in" | "refused";
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
}

/** Of what was handed in, so many are remembered, to be shown. */
const REMEMBERED = 20;

export class Store {
  private constructor(private readonly db: IDBPDatabase<Tables>) {}

  static async open(name = "hand-in"): Promise<Store> {
    const db: IDBPDatabase<Tables> = await openDB<Tables>(name, 2, {
      async upgrade(changed, before, _, change) {
        if (before === 0) {
          changed.createObjectStore("items", { keyPath: "id" }).createIndex("person", "personId");
          return;
        }
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
