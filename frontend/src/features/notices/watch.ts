/** While the app is open, wherever one looks: what is new is asked for each minute, and shown as a notice. */
import { may, type Person, queryClient } from "../../api/session";
import i18n from "../../i18n";
import { videosQuery } from "../films/queries";
import { homeworkQuery } from "../homework/queries";
import { resultQuery, resultsQuery } from "../results/queries";
import { wantsNotices } from "./device";
import { isQuiet, type News, newsOf } from "./news";

const ASK_MS = 60_000;

/** Begin to watch for ``person``; returns what ends it. */
export function watchNews(person: Person): () => void {
  const cache = queryClient.getQueryCache();
  const known = new Map(cache.getAll().map((query) => [query.queryHash, query.state.data]));
  const forget = cache.subscribe(({ type, query }) => {
    if (type === "removed") known.delete(query.queryHash); // another child's, from now on
    if (type !== "updated" || query.state.data === known.get(query.queryHash)) return;
    for (const news of newsOf(query.queryKey, known.get(query.queryHash), query.state.data)) void show(person, news);
    known.set(query.queryHash, query.state.data);
  });
  const timer = setInterval(() => ask(person), ASK_MS);
  return () => {
    clearInterval(timer);
    forget();
  };
}

/** What does not come is asked for a minute later; who may not be here any more is led away by the session. */
function ask(person: Person): void {
  if (!wantsNotices(person)) return;
  if (may(person, "results.view_own")) void queryClient.fetchInfiniteQuery({ ...resultsQuery, staleTime: 0 }).catch(() => null);
  if (may(person, "homework.own")) void queryClient.fetchQuery({ ...homeworkQuery, staleTime: 0 }).catch(() => null);
  if (may(person, "videos.submit")) void queryClient.fetchInfiniteQuery({ ...videosQuery, staleTime: 0 }).catch(() => null);
  for (const query of queryClient.getQueryCache().findAll({ queryKey: ["results"] })) {
    const examId = query.queryKey[1];
    const data = query.state.data as { objections?: { state: string }[] } | undefined;
    if (typeof examId === "number" && data?.objections?.some(({ state }) => state === "asked")) {
      void queryClient.fetchQuery({ ...resultQuery(examId), staleTime: 0 }).catch(() => null);
    }
  }
}

/** One notice of a kind at a time: a newer one takes the place of what was not looked at, also of what was pushed. */
async function show(person: Person, { kind, about, to }: News): Promise<void> {
  const isAway = document.visibilityState === "hidden";
  if (!wantsNotices(person) || (isAway && isQuiet(new Date()))) return;
  const registration = await navigator.serviceWorker.getRegistration();
  await registration?.showNotification(i18n.t(`notices.news.${kind}`), {
    body: about,
    tag: kind,
    icon: "/icons/192.png",
    data: { to },
  });
}
