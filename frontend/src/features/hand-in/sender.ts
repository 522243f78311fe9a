/** The queue of this browser: one for the whole app, whichever page is open. */
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import { answer, api, Refused, Unreachable } from "../../api/client";
import { queryClient, sessionQuery } from "../../api/session";
import { setSending } from "../../shell/sending";
import type { Sendable } from "./picture";
import { type FilmStorage, sendFilm } from "./film";
import { type Courier, type Progress, Queue } from "./queue";
import { type Item, Store, type Target } from "./store";

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
const STALLED_MS = 60_000;
const LOCK = "hand-in";

let progress: Progress | null = null;
const watchers = new Set<() => void>();

function show(now: Progress | null): void {
  progress = now;
  setSending(now !== null);
  for (const watcher of watchers) watcher();
}

export function useProgress(): Progress | null {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => progress,
  );
}

const courier: Courier = {
  async upload({ fileName, contentType }, bytes, onProgress) {
    const form = await answer(
      api.POST("/api/v1/uploads", { body: { file_name: fileName, content_type: contentType as "image/jpeg" } }),
    );
    const body = new FormData();
    for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
    body.append("file", new Blob([bytes], { type: contentType }), fileName);
    const status = await send("POST", form.url, body, onProgress);
    if (status >= 500) throw new Unreachable(`storage answered ${status}`);
    if (status >= 300) throw new Refused(status, "storage", `HTTP ${status}`, null);
    return form.id;
  },
  uploadFilm: (file, read, onProgress) => sendFilm(filmStorage, file, read, onProgress),
  submit({ id, target, title }, uploadIds) {
    if (target.kind === "exam") return submitSheet(id, target.examId, uploadIds);
    return target.kind === "film" ? submitFilm(id, title, uploadIds) : submitHomework(id, target, uploadIds);
  },
};

const filmStorage: FilmStorage = {
  begin: ({ fileName, contentType, film }) =>
    answer(
      api.POST("/api/v1/multipart-uploads", {
        body: {
          file_name: fileName.slice(0, 255),
          content_type: contentType as "video/mp4",
          byte_count: film.byteCount,
          modified_ms: film.modifiedMs,
        },
      }),
    ),
  async link(id, number) {
    const [part] = await answer(
      api.POST("/api/v1/multipart-uploads/{upload_id}/parts", {
        params: { path: { upload_id: id } },
        body: { numbers: [number] },
      }),
    );
    return part!.url;
  },
  put: (url, bytes, onSent) => send("PUT", url, bytes, (share) => onSent(share * bytes.byteLength)),
  async complete(id) {
    await answer(api.POST("/api/v1/multipart-uploads/{upload_id}/complete", { params: { path: { upload_id: id } } }));
  },
  async giveUp(id) {
    await answer(api.DELETE("/api/v1/multipart-uploads/{upload_id}", { params: { path: { upload_id: id } } }));
  },
};

async function submitFilm(key: string, title: string, [upload]: readonly number[]): Promise<number> {
  const video = await answer(
    api.POST("/api/v1/videos", {
      params: { header: { "Idempotency-Key": key } },
      body: { upload: upload!, title: title.slice(0, 120) },
    }),
  );
  void queryClient.invalidateQueries({ queryKey: ["videos"] });
  return video.id;
}

async function submitSheet(key: string, examId: number, [upload]: readonly number[]): Promise<number> {
  const batch = await answer(
    api.POST("/api/v1/exams/{exam_id}/scans", {
      params: { path: { exam_id: examId }, header: { "Idempotency-Key": key } },
      body: { upload: upload! },
    }),
  );
  return batch.id;
}

async function submitHomework(
  key: string,
  { assignmentId, studentId }: Extract<Target, { kind: "homework" }>,
  uploads: readonly number[],
): Promise<number> {
  const submission = await answer(
    api.POST("/api/v1/me/homework/{assignment_id}/submissions", {
      params: { path: { assignment_id: assignmentId }, header: { "Idempotency-Key": key } },
      body: { uploads: [...uploads], student: studentId },
    }),
  );
  void queryClient.invalidateQueries({ queryKey: ["homework"] });
  return submission.id;
}

/** The status answered. By XMLHttpRequest, since `fetch` does not tell how far it is. */
function send(
  method: "POST" | "PUT",
  url: string,
  body: FormData | ArrayBuffer,
  onProgress: (share: number) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let watch: ReturnType<typeof setTimeout>;
    const moving = (): void => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), STALLED_MS);
    };
    request.open(method, url);
    request.upload.onprogress = (event) => {
      moving();
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => resolve(request.status);
    request.onerror = request.onabort = () => reject(new Unreachable("storage"));
    request.onloadend = () => clearTimeout(watch);
    request.send(body);
    moving();
  });
}

const store = Store.open();
const changed = (): void => void queryClient.invalidateQueries({ queryKey: ["items"] });

const queue = store.then(
  (open) =>
    new Queue(
      open,
      courier,
      { progress: show, changed },
      async (work) => await navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => (lock ? work() : null)),
    ),
);

let sendingFor: number | null = null;
let pause = FIRST_PAUSE_MS;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Sends what waits for this person now, and again whenever there is hope that it goes through. */
export function startSending(personId: number): void {
  sendingFor = personId;
  pause = FIRST_PAUSE_MS;
  void run();
}

async function run(): Promise<void> {
  clearTimeout(timer);
  const person = sendingFor;
  if (person === null || !navigator.onLine) return;
  // Asked first: what one person chose is never sent in the name of the next, and what writes needs a fresh token.
  const session = await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 }).catch(() => null);
  if (session && session.person?.id !== person) return;
  const begunAt = Date.now();
  const isDone = session !== null && (await (await queue).send(person));
  changed();
  if (isDone) return;
  if (Date.now() - begunAt > LONGEST_PAUSE_MS) pause = FIRST_PAUSE_MS; // it got somewhere: the line is only bad
  timer = setTimeout(() => void run(), pause);
  pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
}

const hope = (): void => {
  if (sendingFor !== null && document.visibilityState === "visible") startSending(sendingFor);
};
window.addEventListener("online", hope);
document.addEventListener("visibilitychange", hope);

export interface NewItem extends Pick<Item, "target" | "title"> {
  readonly files: readonly Sendable[];
}

const newItem = (personId: number, createdAt: number, { target, title }: Pick<Item, "target" | "title">): Item => ({
  id: crypto.randomUUID(),
  personId,
  target,
  title,
  files: [],
  createdAt,
  state: "waiting",
  hasSubmitted: false,
  receiptId: null,
  problem: "",
});

/** Keeps them, all or none, and begins to send. Raises a `DOMException` when the browser has no room. */
export async function handIn(personId: number, items: readonly NewItem[]): Promise<void> {
  const now = Date.now();
  await (await store).add(
    items.map((item, index) => ({
      ...newItem(personId, now + index, item),
      files: item.files.map((file) => ({ ...file, uploadId: null })),
    })),
  );
  begin(personId);
}

/** Keeps a film and begins to send it. Raises a `DOMException` when the browser has no room, or has lost the file. */
export async function handInFilm(personId: number, title: string, contentType: string, file: File): Promise<void> {
  const film = { key: crypto.randomUUID(), byteCount: file.size, modifiedMs: file.lastModified };
  const item = newItem(personId, Date.now(), { target: { kind: "film" }, title });
  const files = [{ fileName: file.name, contentType, bytes: null, film, uploadId: null }];
  await (await store).addFilm({ ...item, files }, film.key, file);
  begin(personId);
}

function begin(personId: number): void {
  void navigator.storage?.persist?.();
  changed();
  startSending(personId);
}

export async function sendAgain(item: Item): Promise<void> {
  // A new key: the old one's answer was the refusal.
  await (await store).renew(item, crypto.randomUUID());
  changed();
  startSending(item.personId);
}

export async function forget(item: Item): Promise<void> {
  await (await store).remove(item.id);
  changed();
}

/** What this person handed in from this browser, and what waits; the newest first. */
export function useItems(personId: number): readonly Item[] | undefined {
  return useQuery({
    queryKey: ["items", personId],
    queryFn: async () => (await (await store).itemsOf(personId)).reverse(),
    staleTime: 0,
    networkMode: "always",
  }).data;
}
