/** What the academy is working on, as it changes: by server-sent events, and by asking where those do not come. */
import { useEffect } from "react";

import { answer, api } from "../api/client";
import { may, queryClient, sessionQuery, usePerson } from "../api/session";

const POLL_MS = 3_000;
/** Many pages of a batch change at once; what is shown of it is asked for once. */
const GATHER_MS = 300;

/** Keeps what is shown of batches and scans fresh while `isWanted` and the page is looked at. */
export function useJobChanges(isWanted: boolean): void {
  const canWatch = may(usePerson(), "jobs.view") && isWanted;
  useEffect(() => (canWatch ? watchJobs() : undefined), [canWatch]);
}

function watchJobs(): () => void {
  let gathering: ReturnType<typeof setTimeout> | undefined;
  let polling: ReturnType<typeof setTimeout> | undefined;
  let since = "";
  let isOver = false;

  const changed = (): void => {
    gathering ??= setTimeout(() => {
      gathering = undefined;
      void queryClient.invalidateQueries({ queryKey: ["batches"] });
    }, GATHER_MS);
  };
  const poll = async (): Promise<void> => {
    try {
      const found = await answer(api.GET("/api/v1/jobs", { params: { query: since ? { since } : {} } }));
      if (found.results.length || !found.is_resumed) changed();
      since = found.since;
    } catch {
      // asked again soon; who may not any more is led away by the session
    }
    if (!isOver) polling = setTimeout(() => void poll(), POLL_MS);
  };

  const stream = new EventSource("/api/v1/events");
  stream.addEventListener("job", changed);
  stream.addEventListener("hello", (event) => {
    clearTimeout(polling); // it came after all
    const { is_resumed } = JSON.parse((event as MessageEvent<string>).data) as { is_resumed: boolean };
    if (!is_resumed) changed();
  });
  stream.addEventListener("end", () => {
    stream.close();
    void queryClient.invalidateQueries(sessionQuery);
  });
  stream.onerror = () => {
    // Closed for good: a refusal, or nothing there that streams. While it is connecting the browser tries by itself.
    if (stream.readyState === EventSource.CLOSED && !isOver) {
      clearTimeout(polling);
      void poll();
    }
  };
  return () => {
    isOver = true;
    stream.close();
    clearTimeout(gathering);
    clearTimeout(polling);
  };
}
