import "fake-indexeddb/auto";

import { openDB } from "idb";
import { beforeEach, describe, expect, it } from "vitest";

import { Refused, Unreachable } from "../../api/client";
import { type Courier, type FilmFile, type Progress, Queue, type ReadFilm } from "./queue";

import { type Item, type ItemFile, Store } from "./store";

const ME = 7;
let databases = 0;

function file(fileName: string, changes: Partial<ItemFile> = {}): ItemFile {
  return { fileName, contentType: "image/jpeg", bytes: new Uint8Array([1, 2, 3]).buffer, uploadId: null, ...changes };
}

function item(id: string, changes: Partial<Item> = {}): Item {
  return {
    id,
    personId: ME,
    target: { kind: "exam", examId: 3 },
    title: "중간고사",
    files: [file(`${id}.jpg`)],
    createdAt: databases * 100 + Number(id.replace(/\D/g, "") || 0),
    state: "waiting",
    hasSubmitted: false,
    receiptId: null,
    problem: "",
    ...changes,
  };
}

const refused = (status: number, code: string, detail = ""): Refused => new Refused(status, code, detail, null);

/** An academy that takes a file once per key, and whose line breaks where the test says. */
class Academy implements Courier {
  readonly files = new Map<number, string>();
  readonly handedIn = new Map<string, number>();
  readonly pages = new Map<string, readonly string[]>();
  breaksAt = "";
  breaks: "upload" | "submit" | "answer" | null = null;
  refusal: Refused | null = null;
  requests: string[] = [];

  upload({ fileName }: ItemFile, bytes: ArrayBuffer, onProgress: (share: number) => void): Promise<number> {
    this.requests.push(`upload ${fileName}`);
    if (this.breaks === "upload" || this.breaksAt === fileName) return Promise.reject(new Unreachable());
    onProgress(0.5);
    const id = this.files.size + 1;
    this.files.set(id, `${fileName}:${bytes.byteLength}`);
    return Promise.resolve(id);
  }

  async uploadFilm({ fileName, film }: FilmFile, read: ReadFilm): Promise<number | null> {
    this.requests.push(`film ${fileName}`);
    if (this.breaks === "upload") throw new Unreachable();
    const bytes = await read(0, film.byteCount);
    if (!bytes) return null;
    const id = this.files.size + 1;
    this.files.set(id, `${fileName}:${bytes.byteLength}`);
    return id;
  }

  submit({ id }: Item, uploadIds: readonly number[]): Promise<number> {
    this.requests.push(`submit ${id}`);
    if (this.breaks === "submit") return Promise.reject(new Unreachable());
    if (this.refusal) return Promise.reject(this.refusal);
    if (!uploadIds.every((one) => this.files.has(one))) return Promise.reject(refused(400, "upload_missing"));
    const before = this.handedIn.get(id);
    const receiptId = before ?? 100 + uploadIds[0]!;
    this.handedIn.set(id, receiptId);
    this.pages.set(id, uploadIds.map((one) => this.files.get(one)!));
    return this.breaks === "answer" ? Promise.reject(new Unreachable()) : Promise.resolve(receiptId);
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
    expect(academy.requests).toEqual(["upload a1.jpg", "submit a1", "upload a2.jpg", "submit a2"]);
    expect((await kept()).map(({ state, receiptId, files }) => [state, receiptId, files[0]?.bytes])).toEqual([
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
    expect(academy.requests).toEqual(["upload a1.jpg", "submit a1", "submit a1"]);
  });

  it("counts once when the answer was lost, with the same key", async () => {
    await store.add([item("a1")]);
    academy.breaks = "answer";
    expect(await queue().send(ME)).toBe(false);
    academy.breaks = null;
    await queue().send(ME);
    expect(academy.handedIn.size).toBe(1);
    expect((await kept())[0]?.receiptId).toBe(101);
  });

  it("is known to be handed in when an academy without memory of keys says that the file is used", async () => {
    await store.add([item("a1", { files: [file("a1.jpg", { uploadId: 5 })], hasSubmitted: true })]);
    academy.refusal = refused(409, "upload_used");
    expect(await queue().send(ME)).toBe(true);
    expect((await kept())[0]).toMatchObject({ state: "handed_in", receiptId: null });
  });

  it("starts anew when its file never arrived", async () => {
    await store.add([item("a1", { files: [file("a1.jpg", { uploadId: 55 })], hasSubmitted: true })]);
    expect(await queue().send(ME)).toBe(true);
    expect(academy.requests).toEqual(["submit a1", "upload a1.jpg", "submit a1"]);
  });

  it("starts anew when its permission ended before it was handed in", async () => {
    await store.add([item("a1", { files: [file("a1.jpg", { uploadId: 55 })] })]);
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
    expect(first?.files[0]?.bytes?.byteLength).toBe(3);
  });

  it.each([
    [401, "not_authenticated"],
    [429, "throttled"],
    [409, "same_request_running"],
  ])("waits when the answer is %i %s, which is not about the file", async (status, code) => {
    await store.add([item("a1")]);
    academy.refusal = refused(status, code);
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
    expect(academy.requests).toEqual(["upload a1.jpg", "submit a1"]);
  });

  it("may be removed while it is on its way", async () => {
    await store.add([item("a1")]);
    const courier: Courier = {
      upload: async () => {
        await store.remove("a1");
        return 9;
      },
      uploadFilm: () => Promise.reject(new Error("no film")),
      submit: () => Promise.reject(new Error("what was removed must not be handed in")),
    };
    const one = new Queue(store, courier, { progress: () => {}, changed: () => {} }, (work) => work());
    expect(await one.send(ME)).toBe(true);
  });

  it("is remembered, but not for ever", async () => {
    const old = Array.from({ length: 25 }, (_, n) => item(`a${n}`, { state: "handed_in", files: [], createdAt: n }));
    await store.add(old);
    await queue().send(ME);
    expect((await kept()).map(({ id }) => id)).toEqual(old.slice(5).map(({ id }) => id));
  });

  it("is of several files together, in their order", async () => {
    await store.add([item("a1", { files: [file("p1"), file("p2"), file("p3")] })]);
    expect(await queue().send(ME)).toBe(true);
    expect(academy.requests).toEqual(["upload p1", "upload p2", "upload p3", "submit a1"]);
    expect(academy.pages.get("a1")).toEqual(["p1:3", "p2:3", "p3:3"]);
    const [before, after] = [{ itemId: "a1", share: 1 / 3 }, { itemId: "a1", share: 1.5 / 3 }];
    expect(shown).toEqual(expect.arrayContaining([before, after]));
  });

  it("goes on with the file at which the connection broke, after a restart too", async () => {
    await store.add([item("a1", { files: [file("p1"), file("p2")] })]);
    academy.breaksAt = "p2";
    expect(await queue().send(ME)).toBe(false);
    store.close();
    store = await Store.open(name);
    academy.breaksAt = "";
    expect(await queue().send(ME)).toBe(true);
    expect(academy.requests).toEqual(["upload p1", "upload p2", "upload p2", "submit a1"]);
    expect(academy.pages.get("a1")).toEqual(["p1:3", "p2:3"]);
  });

  it("is sent whole again when one of its files never arrived", async () => {
    await store.add([item("a1", { files: [file("p1", { uploadId: 55 }), file("p2", { uploadId: 56 })] })]);
    expect(await queue().send(ME)).toBe(true);
    expect(academy.requests).toEqual(["submit a1", "upload p1", "upload p2", "submit a1"]);
  });

  it("stays when it was kept before there were films", async () => {
    const old = await openDB(`${name} photos`, 2, {
      upgrade: (created) => {
        created.createObjectStore("items", { keyPath: "id" }).createIndex("person", "personId");
      },
    });
    await old.add("items", item("a1"));
    old.close();
    store = await Store.open(`${name} photos`);
    expect(await kept()).toEqual([item("a1")]);
  });

  it("is still sent when an older version of the app kept it", async () => {
    const old = await openDB(`${name} old`, 1, {
      upgrade: (created) => {
        created.createObjectStore("items", { keyPath: "id" }).createIndex("person", "personId");
      },
    });
    const { files, target: _, title, receiptId, ...rest } = item("a1");
    await old.add("items", { ...rest, ...files[0], examId: 3, examTitle: title, batchId: receiptId });
    old.close();
    store = await Store.open(`${name} old`);
    expect(await kept()).toEqual([item("a1")]);
    expect(await queue().send(ME)).toBe(true);
    expect(academy.pages.get("a1")).toEqual(["a1.jpg:3"]);
  });

  describe("as a film", () => {
    const SLICE = 8 * 1024 * 1024;
    const bytes = new Uint8Array(2 * SLICE + 5).map((_, at) => (at * 7) % 251);
    const film = (id: string): Item => {
      const kept = { key: `${id} film`, byteCount: bytes.length, modifiedMs: 1_700_000_000_000 };
      const files = [file(`${id}.mp4`, { contentType: "video/mp4", bytes: null, film: kept })];
      return item(id, { target: { kind: "film" }, files });
    };
    const keep = (one: Item): Promise<void> => store.addFilm(one, one.files[0]!.film!.key, new Blob([bytes]));

    it("is read back as it was chosen, wherever a part begins", async () => {
      await keep(film("f1"));
      for (const [start, end] of [[0, 5], [SLICE - 2, SLICE + 3], [3, 2 * SLICE + 4], [2 * SLICE, bytes.length]] as const) {
        const read = await store.readFilm("f1 film", start, end);
        expect(indexedDB.cmp(read, bytes.slice(start, end))).toBe(0);
      }
      expect(await store.readFilm("f1 film", 0, bytes.length + 1)).toBe(null);
      expect(await store.readFilm("f2 film", 0, 1)).toBe(null);
    });

    it("waits through a lost connection and a restart, arrives once, and makes room", async () => {
      await keep(film("f1"));
      academy.breaks = "upload";
      expect(await queue().send(ME)).toBe(false);
      store.close();
      store = await Store.open(name);
      academy.breaks = null;
      expect(await queue().send(ME)).toBe(true);
      expect(academy.pages.get("f1")).toEqual([`f1.mp4:${bytes.length}`]);
      expect((await kept())[0]).toMatchObject({ state: "handed_in", receiptId: 101 });
      expect(await store.readFilm("f1 film", 0, 1)).toBe(null);
    });

    it("is sent again from here when the academy refused it and the person asks again", async () => {
      await keep(film("f1"));
      academy.refusal = refused(403, "kind_not_included", "요금제에 없어요");
      await queue().send(ME);
      const [first] = await kept();
      expect(first).toMatchObject({ state: "refused", problem: "요금제에 없어요" });
      academy.refusal = null;
      await store.renew(first!, "f2");
      expect(await queue().send(ME)).toBe(true);
      expect((await kept()).map(({ id, state }) => [id, state])).toEqual([["f2", "handed_in"]]);
    });

    it("may be removed before it was sent, and leaves nothing", async () => {
      await keep(film("f1"));
      await store.remove("f1");
      expect(await store.readFilm("f1 film", 0, 1)).toBe(null);
      expect(await queue().send(ME)).toBe(true);
      expect(academy.requests).toEqual([]);
    });

    it("is not handed in when it is removed while it is sent", async () => {
      await keep(film("f1"));
      const courier: Courier = {
        upload: () => Promise.reject(new Error("no photo")),
        uploadFilm: async (_, read) => {
          expect((await read(0, 5))?.byteLength).toBe(5);
          await store.remove("f1");
          expect(await read(5, 10)).toBe(null);
          return null;
        },
        submit: () => Promise.reject(new Error("what was removed must not be handed in")),
      };
      const one = new Queue(store, courier, { progress: () => {}, changed: () => {} }, (work) => work());
      expect(await one.send(ME)).toBe(true);
    });

    it("lets what is small go first, also what is chosen while it is sent", async () => {
      await keep(film("f1"));
      await store.add([item("a1", { createdAt: Date.now() })]);
      const uploadFilm = academy.uploadFilm.bind(academy);
      academy.uploadFilm = async (one, read) => {
        await store.add([item("a2", { createdAt: Date.now() })]);
        return uploadFilm(one, read);
      };
      expect(await queue().send(ME)).toBe(true);
      expect(academy.requests.map((one) => one.split(".")[0])).toEqual([
        ...["upload a1", "submit a1"],
        ...["film f1", "upload a2", "submit a2", "submit f1"],
      ]);
    });

    it("is not kept at all when there is no room for all of it, or its file is gone", async () => {
      const gone = { size: 3 * SLICE, slice: (start: number) => (start ? lost : new Blob(["x"])) } as unknown as Blob;
      const lost = { arrayBuffer: () => Promise.reject(new DOMException("gone", "NotReadableError")) };
      const one = film("f1");
      await expect(store.addFilm(one, "f1 film", gone)).rejects.toThrow("gone");
      expect(await kept()).toEqual([]);
      expect(await store.readFilm("f1 film", 0, 1)).toBe(null);
    });

    it("is not sent while it is being kept, and forgotten when nobody will ever finish that", async () => {
      await store.add([{ ...film("f1"), state: "keeping", createdAt: Date.now() }]);
      await store.add([{ ...film("f2"), state: "keeping", createdAt: Date.now() - 2 * 60 * 60_000 }]);
      expect(await queue().send(ME)).toBe(true);
      expect(academy.requests).toEqual([]);
      expect((await kept()).map(({ id }) => id)).toEqual(["f1"]);
    });
  });
});
