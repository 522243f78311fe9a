/** The queue of this browser: one for the whole app, whichever page is open. */
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import { answer, api, Refused, Unreachable } from "../../api/client";
import { queryClient, sessionQuery } from "../../api/session";
import { setSending } from "../../shell/sending";
import type { Sendable } from "./picture";
import { type Courier, type Progress, Queue } from "./queue";
import { type Item, Store, type Target } from "./store";

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
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
    await post(form.url, body, onProgress);
    return form.id;
  },
  submit: ({ id, target }, uploadIds) =>
    target.kind === "exam" ? submitSheet(id, target.examId, uploadIds) : submitHomework(id, target, uploadIds),
};

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

/** By XMLHttpRequest, since `fetch` does not tell how far it is. */
function post(url: string, body: FormData, onProgress: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status < 300) resolve();
      else if (request.status >= 500) reject(new Unreachable(`storage answered ${request.status}`));
      else reject(new Refused(request.status, "storage", `HTTP ${request.status}`, null));
    };
    request.onerror = () => reject(new Unreachable("storage"));
    request.send(body);
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
  const isDone = session !== null && (await (await queue).send(person));
  changed();
  if (isDone) return;
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

/** Keeps them, all or none, and begins to send. Raises a `DOMException` when the browser has no room. */
export async function handIn(personId: number, items: readonly NewItem[]): Promise<void> {
  const now = Date.now();
  await (await store).add(
    items.map(({ target, title, files }, index) => ({
      id: crypto.randomUUID(),
      personId,
      target,
      title,
      files: files.map((file) => ({ ...file, uploadId: null })),
      createdAt: now + index,
      state: "waiting",
      hasSubmitted: false,
      receiptId: null,
      problem: "",
    })),
  );
  void navigator.storage?.persist?.();
  changed();
  startSending(personId);
}

export async function sendAgain(item: Item): Promise<void> {
  // A new key: the old one's answer was the refusal.
  const open = await store;
  await open.remove(item.id);
  await open.add([{ ...item, id: crypto.randomUUID(), state: "waiting", problem: "" }]);
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
