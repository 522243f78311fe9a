import { queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "../../api/client";
import { isBeingRead } from "./standing";

/** Families may not open the stream of events: what is being read is asked for. */
const POLL_MS = 3_000;

/** The homework of the student, or of the child that is chosen. */
export const homeworkQuery = queryOptions({
  queryKey: ["homework"],
  queryFn: () => answer(api.GET("/api/v1/me/homework")),
  refetchInterval: ({ state }) => (state.data?.some(isBeingRead) ? POLL_MS : false),
});

/** What was read of a hand-in. A new one, or one that is read again, is asked for anew. */
export const submissionQuery = ({ id, state }: Schemas["Submission"]) =>
  queryOptions({
    queryKey: ["homework", "submission", id, state],
    queryFn: () => answer(api.GET("/api/v1/me/submissions/{submission_id}", { params: { path: { submission_id: id } } })),
    staleTime: 4 * 60_000, // the links to its pictures are good for 5 minutes
    refetchOnMount: true,
  });
