import { queryOptions, useMutation } from "@tanstack/react-query";

import { answer, api } from "../../api/client";
import { queryClient } from "../../api/session";

export const childrenQuery = queryOptions({
  queryKey: ["children"],
  queryFn: () => answer(api.GET("/api/v1/me/children")),
});

export const consentQuery = (studentId: number) =>
  queryOptions({
    queryKey: ["children", studentId, "consent"],
    queryFn: () =>
      answer(api.GET("/api/v1/me/children/{student_id}/consent", { params: { path: { student_id: studentId } } })),
  });

/** From now on the news are this child's; what was shown of another is forgotten. */
export function useChooseChild() {
  return useMutation({
    mutationFn: (studentId: number) => answer(api.PUT("/api/v1/me/child", { body: { student: studentId } })),
    onSuccess: async () => {
      for (const shown of ["results", "homework", "lectures"]) queryClient.removeQueries({ queryKey: [shown] });
      await queryClient.invalidateQueries({ queryKey: ["children"] });
    },
  });
}
