/** Sends what is waiting, one after the other, and goes on where it stopped. */
import { Refused, Unreachable } from "../../api/client";
import type { Film, Item, ItemFile, Store } from "./store";

export type FilmFile = ItemFile & { readonly film: Film };
export type ReadFilm = (start: number, end: number) => Promise<ArrayBuffer | null>;

export interface Courier {
  /** Sends the bytes to storage and returns the upload's id. */
  upload(file: ItemFile, bytes: ArrayBuffer, onProgress: (share: number) => void): Promise<number>;
  /** Sends what storage does not have yet of a film; its upload's id, or `null` when it was removed meanwhile. */
  uploadFilm(file: FilmFile, read: ReadFilm, onProgress: (share: number) => void): Promise<number | null>;
  /** Hands the uploads in, together, under the item's key and returns the id of what they became. */
  submit(item: Item, uploadIds: readonly number[]): Promise<number>;
}

export interface Progress {
  readonly itemId: string;
  /** 0 to 1 of the bytes of all its files; `null` while it is being handed in. */
  readonly share: number | null;
}

export interface Listener {
  progress(progress: Progress | null): void;
  changed(): void;
}

/** Lets one tab of a browser send at a time. `null`: another is at it. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T | null>;

/** Refused, and the same files would be refused again. A limit of requests is not that, nor an answer under way. */
const isFinal = ({ status, code }: Refused): boolean => ![401, 408, 429].includes(status) && code !== "same_request_running";

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
        const item = await this.next(personId);
        if (!item) break;
        if (!(await this.sendOne(item))) return false;
        this.listener.changed();
      }
      await this.store.forgetOld(personId);
      return true;
    });
    return sent ?? false;
  }

  /** The oldest that waits; films last, since they take long. */
  private async next(personId: number): Promise<Item | undefined> {
    const waiting = (await this.store.itemsOf(personId)).filter(({ state }) => state === "waiting");
    return waiting.find(({ target }) => target.kind !== "film") ?? waiting[0];
  }

  /** Between the parts of a film: what was chosen meanwhile does not wait for its end. */
  private async sendSmall(personId: number): Promise<void> {
    for (;;) {
      const item = await this.next(personId);
      if (!item || item.target.kind === "film" || !(await this.sendOne(item))) return;
      this.listener.changed();
    }
  }

  /** Whether the item is out of the way: handed in, refused, or removed. `false`: no connection, try later. */
  private async sendOne(item: Item): Promise<boolean> {
    try {
      const uploadIds = await this.uploaded(item);
      if (!uploadIds) return true;
      this.listener.progress({ itemId: item.id, share: null });
      if (!(await this.store.change(item.id, { hasSubmitted: true }))) return true;
      await this.handedIn(item, await this.courier.submit(item, uploadIds));
      return true;
    } catch (error) {
      if (error instanceof Refused) return this.answered(item, error);
      if (error instanceof Unreachable) return false;
      throw error;
    }
  }

  /** Sends what has not arrived yet, and keeps after each file that it has. `null`: the item was removed meanwhile. */
  private async uploaded(item: Item): Promise<number[] | null> {
    const files = [...item.files];
    const total = files.reduce((sum, file) => sum + sizeOf(file), 0);
    const uploadIds: number[] = [];
    let done = 0;
    for (const [index, file] of files.entries()) {
      const size = sizeOf(file);
      const show = (share: number): void =>
        this.listener.progress({ itemId: item.id, share: total ? (done + share * size) / total : 0 });
      if (file.uploadId === null) {
        show(0);
        const uploadId = await this.upload(item.personId, file, show);
        if (uploadId === null) return null;
        files[index] = { ...file, uploadId };
        if (!(await this.store.change(item.id, { files: [...files] }))) return null;
      }
      uploadIds.push(files[index]!.uploadId!);
      done += size;
    }
    return uploadIds;
  }

  private upload(personId: number, file: ItemFile, show: (share: number) => void): Promise<number | null> {
    const { film, bytes } = file;
    if (film) {
      const read: ReadFilm = async (start, end) => {
        await this.sendSmall(personId);
        return this.store.readFilm(film.key, start, end);
      };
      return this.courier.uploadFilm({ ...file, film }, read, show);
    }
    if (!bytes) throw new Error(`no bytes left of ${file.fileName}`);
    return this.courier.upload(file, bytes, show);
  }

  private async answered(item: Item, refused: Refused): Promise<boolean> {
    if (refused.code === "upload_missing" || (refused.code === "upload_used" && !item.hasSubmitted)) {
      // A file never arrived, or its permission ended before it was handed in: from the beginning, under the same key.
      await this.store.change(item.id, { files: notSent(item.files), hasSubmitted: false });
      return item.files.every(({ uploadId }) => uploadId !== null); // once; what was only just sent waits a while
    }
    if (refused.code === "upload_used") {
      await this.handedIn(item, null); // by an earlier request, whose answer was lost
      return true;
    }
    if (!isFinal(refused)) return false;
    const files = notSent(item.files);
    await this.store.change(item.id, { state: "refused", problem: refused.message, files, hasSubmitted: false });
    return true;
  }

  private async handedIn(item: Item, receiptId: number | null): Promise<void> {
    const files = item.files.map((file) => ({ ...file, bytes: null }));
    await this.store.change(item.id, { state: "handed_in", receiptId, files });
    await this.store.forgetFilms(item);
  }
}

const notSent = (files: readonly ItemFile[]): ItemFile[] => files.map((file) => ({ ...file, uploadId: null }));

const sizeOf = ({ bytes, film }: ItemFile): number => film?.byteCount ?? bytes?.byteLength ?? 0;
