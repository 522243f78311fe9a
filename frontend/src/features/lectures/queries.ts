import { queryOptions } from "@tanstack/react-query";

import { answer, api } from "../../api/client";

const LINKS_MS = 4 * 60_000; // the links to their pictures are good for 5 minutes

/** What the student, or the child that is chosen, may watch. */
export const lecturesQuery = queryOptions({
  queryKey: ["lectures"],
  queryFn: () => answer(api.GET("/api/v1/me/lectures")),
  refetchInterval: LINKS_MS,
});

export const lectureQuery = (lectureId: number) =>
  queryOptions({
    queryKey: ["lectures", lectureId],
    queryFn: () => answer(api.GET("/api/v1/me/lectures/{lecture_id}", { params: { path: { lecture_id: lectureId } } })),
    staleTime: LINKS_MS,
  });
