import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { answer, api } from "../../api/client";

/** People decide objections, and families may not open the stream of events. */
const ASK_AGAIN_MS = 30_000;

/** The results of the student, or of the child that is chosen. */
export const resultsQuery = infiniteQueryOptions({
  queryKey: ["results"],
  queryFn: ({ pageParam }) =>
    answer(api.GET("/api/v1/me/results", { params: { query: pageParam ? { cursor: pageParam } : {} } })),
  initialPageParam: "",
  getNextPageParam: ({ next }) => (next ? (new URL(next).searchParams.get("cursor") ?? undefined) : undefined),
});

export const resultQuery = (examId: number) =>
  queryOptions({
    queryKey: ["results", examId],
    queryFn: () => answer(api.GET("/api/v1/me/results/{exam_id}", { params: { path: { exam_id: examId } } })),
    staleTime: 4 * 60_000, // the links to its pictures are good for 5 minutes
    refetchOnMount: true,
    refetchInterval: ({ state }) => (state.data?.objections.some((one) => one.state === "asked") ? ASK_AGAIN_MS : false),
  });
