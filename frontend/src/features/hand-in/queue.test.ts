import "fake-indexeddb/auto";

import { beforeEach, describe, expect, it } from "vitest";

import { Refused, Unreachable } from "../../api/client";
import { type Courier, type Progress, Queue } from "./queue";
import { type Item, Store } from "./store";

const ME = 7;
let databases = 0;

function item(id: string, changes: Partial<Item> = {}): Item {
  return {
    id,
    personId: ME,
    examId: 3,
    examTitle: "중간고사",
    fileName: `${id}.jpg`,
    contentType: "image/jpeg",
    createdAt: databases * 100 + Number(id.replace(/\D/g, "") || 0),
    state: "waiting",
    bytes: new Uint8Array([1, 2, 3]).buffer,
    uploadId: null,
    hasSubmitted: false,
    batchId: null,
    problem: "",
    ...changes,
  };
}

const refused = (status: number, code: string, detail = ""): Refused => new Refused(status, code, detail, null);

/** An academy that takes a file once per key, and whose line breaks where the test says. */
class Academy implements Courier {
  readonly files = new Map<number, string>();
  readonly handedIn = new Map<string, number>();
  breaks: "upload" | "submit" | "answer" | null = null;
  refusal: Refused | null = null;
  requests: string[] = [];

  upload(sent: Item, bytes: ArrayBuffer, onProgress: (share: number) => void): Promise<number> {
    this.requests.push(`upload ${sent.id}`);
    if (this.breaks === "upload") return Promise.reject(new Unreachable());
    onProgress(0.5);
    const id = this.files.size + 1;
    this.files.set(id, `${sent.id}:${bytes.byteLength}`);
    return Promise.resolve(id);
  }

  submit(sent: Item, uploadId: number): Promise<number> {
    this.requests.push(`submit ${sent.id}`);
    if (this.breaks === "submit") return Promise.reject(new Unreachable());
    if (this.refusal) return Promise.reject(this.refusal);
    if (!this.files.has(uploadId)) return Promise.reject(refused(400, "upload_missing"));
    const before = this.handedIn.get(sent.id);
    const batchId = before ?? 100 + uploadId;
    this.handedIn.set(sent.id, batchId);
    return this.breaks === "answer" ? Promise.reject(new Unreachable()) : Promise.resolve(batchId);
  }
}

describe("what is handed in", () => {
  let store: Store;
  let academy: Academy;
  let shown: (Progress | null)[];
  let name: string;

  const queue = (): Queue =>
    new Queue(store, academy, { progress: (now) => shown.push(now), changed: () => {} }, (work) => work());
  const kept = async (): Promise<Item[]> => store.itemsOf(ME);

  beforeEach(async () => {
    databases += 1;
    name = `test ${databases}`;
    [store, academy, shown] = [await Store.open(name), new Academy(), []];
  });

  it("arrives in order, and only its bytes are forgotten", async () => {
    await store.add([item("a2"), item("a1")]);
    expect(await queue().send(ME)).toBe(true);
    expect(academy.requests).toEqual(["upload a1", "submit a1", "upload a2", "submit a2"]);
    expect((await kept()).map(({ state, batchId, bytes }) => [state, batchId, bytes])).toEqual([
      ["handed_in", 101, null],
      ["handed_in", 102, null],
    ]);
    expect(shown).toContainEqual({ itemId: "a1", share: 0.5 });
  });

  it("waits through a lost connection and a restart, then arrives once", async () => {
    await store.add([item("a1")]);
    academy.breaks = "upload";
    expect(await queue().send(ME)).toBe(false);
    store.close();
    store = await Store.open(name);
    expect((await kept()).map(({ state }) => state)).toEqual(["waiting"]);
    academy.breaks = null;
    expect(await queue().send(ME)).toBe(true);
    expect([...academy.handedIn.keys()]).toEqual(["a1"]);
  });

  it("is not uploaded again when only handing in failed", async () => {
    await store.add([item("a1")]);
    academy.breaks = "submit";
    await queue().send(ME);
    academy.breaks = null;
    await queue().send(ME);
    expect(academy.requests).toEqual(["upload a1", "submit a1", "submit a1"]);
  });

  it("counts once when the answer was lost, with the same key", async () => {
    await store.add([item("a1")]);
    academy.breaks = "answer";
    expect(await queue().send(ME)).toBe(false);
    academy.breaks = null;
    await queue().send(ME);
    expect(academy.handedIn.size).toBe(1);
    expect((await kept())[0]?.batchId).toBe(101);
  });

  it("is known to be handed in when an academy without memory of keys says that the file is used", async () => {
    await store.add([item("a1", { uploadId: 5, hasSubmitted: true })]);
    academy.refusal = refused(409, "upload_used");
    expect(await queue().send(ME)).toBe(true);
    expect((await kept())[0]).toMatchObject({ state: "handed_in", batchId: null });
  });

  it("starts anew when its file never arrived", async () => {
    await store.add([item("a1", { uploadId: 55, hasSubmitted: true })]);
    expect(await queue().send(ME)).toBe(true);
    expect(academy.requests).toEqual(["submit a1", "upload a1", "submit a1"]);
  });

  it("starts anew when its permission ended before it was handed in", async () => {
    await store.add([item("a1", { uploadId: 55 })]);
    academy.refusal = refused(409, "upload_used");
    expect(await queue().send(ME)).toBe(false);
    academy.refusal = null;
    expect(await queue().send(ME)).toBe(true);
    expect(academy.handedIn.size).toBe(1);
  });

  it("says why it was refused, and does not hold up the rest", async () => {
    await store.add([item("a1"), item("a2")]);
    academy.refusal = refused(404, "not_found", "그런 시험이 없어요");
    expect(await queue().send(ME)).toBe(true);
    const [first] = await kept();
    expect(first).toMatchObject({ state: "refused", problem: "그런 시험이 없어요" });
    expect(first?.bytes?.byteLength).toBe(3);
  });

  it.each([401, 429])("waits when the answer is %i, which is not about the file", async (status) => {
    await store.add([item("a1")]);
    academy.refusal = refused(status, "later");
    expect(await queue().send(ME)).toBe(false);
    expect((await kept())[0]?.state).toBe("waiting");
  });

  it("belongs to who put it there", async () => {
    await store.add([item("a1", { personId: 8 })]);
    expect(await queue().send(ME)).toBe(true);
    expect(academy.requests).toEqual([]);
    expect(await store.itemsOf(ME)).toEqual([]);
    expect(await store.itemsOf(8)).toHaveLength(1);
  });

  it("is sent by one tab at a time", async () => {
    await store.add([item("a1")]);
    const other = new Queue(store, academy, { progress: () => {}, changed: () => {} }, () => Promise.resolve(null));
    expect(await other.send(ME)).toBe(false);
    expect(academy.requests).toEqual([]);
  });

  it("is sent once by two calls at the same time", async () => {
    await store.add([item("a1")]);
    const one = queue();
    await Promise.all([one.send(ME), one.send(ME)]);
    expect(academy.requests).toEqual(["upload a1", "submit a1"]);
  });

  it("may be removed while it is on its way", async () => {
    await store.add([item("a1")]);
    const courier: Courier = {
      upload: async (sent) => {
        await store.remove(sent.id);
        return 9;
      },
      submit: () => Promise.reject(new Error("what was removed must not be handed in")),
    };
    const one = new Queue(store, courier, { progress: () => {}, changed: () => {} }, (work) => work());
    expect(await one.send(ME)).toBe(true);
  });

  it("is remembered, but not for ever", async () => {
    const old = Array.from({ length: 25 }, (_, n) => item(`a${n}`, { state: "handed_in", bytes: null, createdAt: n }));
    await store.add(old);
    await queue().send(ME);
    expect((await kept()).map(({ id }) => id)).toEqual(old.slice(5).map(({ id }) => id));
  });
});
