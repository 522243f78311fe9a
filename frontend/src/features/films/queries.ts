import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";

export type Video = Schemas["Video"];

const POLL_MS = 3_000;
const LINKS_MS = 4 * 60_000; // the links to their pictures are good for 5 minutes

export const isBeingRead = ({ state }: Pick<Video, "state">): boolean => !["succeeded", "failed", "cancelled"].includes(state);

/** The films that this person handed in, the newest first. */
export const videosQuery = infiniteQueryOptions({
  queryKey: ["videos"],
  queryFn: ({ pageParam }) =>
    answer(api.GET("/api/v1/videos", { params: { query: pageParam ? { cursor: pageParam } : {} } })),
  initialPageParam: "",
  getNextPageParam: ({ next }) => (next ? (new URL(next).searchParams.get("cursor") ?? undefined) : undefined),
  refetchInterval: ({ state }) => (state.data?.pages[0]?.results.some(isBeingRead) ? POLL_MS : false),
});

export const videoQuery = (videoId: number) =>
  queryOptions({
    queryKey: ["videos", videoId],
    queryFn: () => answer(api.GET("/api/v1/videos/{video_id}", { params: { path: { video_id: videoId } } })),
    staleTime: LINKS_MS,
    refetchInterval: ({ state }) => (state.data && isBeingRead(state.data) ? POLL_MS : false),
  });
