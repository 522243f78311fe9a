/** Sends what is waiting, one after the other, and goes on where it stopped. */
import { Refused, Unreachable } from "../../api/client";
import type { Item, Store } from "./store";

export interface Courier {
  /** Sends the bytes to storage and returns the upload's id. */
  upload(item: Item, bytes: ArrayBuffer, onProgress: (share: number) => void): Promise<number>;
  /** Hands the upload in under the item's key and returns the batch's id. */
  submit(item: Item, uploadId: number): Promise<number>;
}

export interface Progress {
  readonly itemId: string;
  /** 0 to 1 of the bytes; `null` while it is being handed in. */
  readonly share: number | null;
}

export interface Listener {
  progress(progress: Progress | null): void;
  changed(): void;
}

/** Lets one tab of a browser send at a time. `null`: another is at it. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T | null>;

/** Refused, and the same file would be refused again. A limit of requests is not that. */
const isFinal = (error: Refused): boolean => error.status !== 401 && error.status !== 429 && error.status !== 408;

export class Queue {
  private running: Promise<boolean> | null = null;

  constructor(
    private readonly store: Store,
    private readonly courier: Courier,
    private readonly listener: Listener,
    private readonly turn: Turn,
  ) {}

  /** Whether something is being sent by this tab right now. */
  get isSending(): boolean {
    return this.running !== null;
  }

  /** Sends what waits for this person. Returns whether nothing waits any more; a second call joins the first. */
  send(personId: number): Promise<boolean> {
    this.running ??= this.sendAll(personId).finally(() => {
      this.running = null;
      this.listener.progress(null);
    });
    return this.running;
  }

  private async sendAll(personId: number): Promise<boolean> {
    const sent = await this.turn(async () => {
      for (;;) {
        const item = (await this.store.itemsOf(personId)).find(({ state }) => state === "waiting");
        if (!item) break;
        if (!(await this.sendOne(item))) return false;
        this.listener.changed();
      }
      await this.store.forgetOld(personId);
      return true;
    });
    return sent ?? false;
  }

  /** Whether the item is out of the way: handed in, refused, or removed. `false`: no connection, try later. */
  private async sendOne(item: Item): Promise<boolean> {
    try {
      const uploadId = item.uploadId ?? (await this.uploaded(item));
      this.listener.progress({ itemId: item.id, share: null });
      if (!(await this.store.change(item.id, { uploadId, hasSubmitted: true }))) return true;
      const batchId = await this.courier.submit(item, uploadId);
      await this.handedIn(item, batchId);
      return true;
    } catch (error) {
      if (error instanceof Refused) return this.answered(item, error);
      if (error instanceof Unreachable) return false;
      throw error;
    }
  }

  private async uploaded(item: Item): Promise<number> {
    if (!item.bytes) throw new Error(`no bytes left of ${item.id}`);
    this.listener.progress({ itemId: item.id, share: 0 });
    const uploadId = await this.courier.upload(item, item.bytes, (share) =>
      this.listener.progress({ itemId: item.id, share }),
    );
    await this.store.change(item.id, { uploadId });
    return uploadId;
  }

  private async answered(item: Item, refused: Refused): Promise<boolean> {
    if (refused.code === "upload_missing" || (refused.code === "upload_used" && !item.hasSubmitted)) {
      // The file never arrived, or its permission ended before it was handed in: from the beginning, under the same key.
      await this.store.change(item.id, { uploadId: null, hasSubmitted: false });
      return item.uploadId !== null; // once; what was only just sent waits a while
    }
    if (refused.code === "upload_used") {
      await this.handedIn(item, null); // by an earlier request, whose answer was lost
      return true;
    }
    if (!isFinal(refused)) return false;
    await this.store.change(item.id, { state: "refused", problem: refused.message, uploadId: null, hasSubmitted: false });
    return true;
  }

  private async handedIn(item: Item, batchId: number | null): Promise<void> {
    await this.store.change(item.id, { state: "handed_in", batchId, bytes: null });
  }
}
