import { Button, Stack, Text } from "@mantine/core";
import { infiniteQueryOptions, useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { may, usePerson } from "../../api/session";
import { Failed, NotFound, Waiting } from "../../shell/Page";
import { Items } from "./Items";
import { Pages } from "./Pages";
import { handIn } from "./sender";

const examsQuery = infiniteQueryOptions({
  queryKey: ["exams"],
  queryFn: ({ pageParam }) =>
    answer(api.GET("/api/v1/exams", { params: { query: pageParam ? { cursor: pageParam } : {} } })),
  initialPageParam: "",
  getNextPageParam: ({ next }) => (next ? (new URL(next).searchParams.get("cursor") ?? undefined) : undefined),
});

export function HandIn() {
  const { t } = useTranslation();
  const person = usePerson();
  if (!person || !may(person, "scans.submit")) return <NotFound />;
  return (
    <main className="page">
      <h1 style={{ fontSize: "1.5rem", margin: "0.25rem 0 0.75rem" }}>{t("handIn.title")}</h1>
      <Stack>
        <NewHandIn personId={person.id} />
        <Items personId={person.id} />
      </Stack>
    </main>
  );
}

function NewHandIn({ personId }: { personId: number }) {
  const { t } = useTranslation();
  const exams = useInfiniteQuery(examsQuery);
  const [examId, setExamId] = useState("");
  const list = exams.data?.pages.flatMap((page) => page.results) ?? [];
  const exam = list.find(({ id }) => String(id) === examId);

  if (!exams.data) return exams.error ? <Failed error={exams.error} again={() => void exams.refetch()} /> : <Waiting />;
  if (!list.length) return <Text c="dimmed">{t("handIn.noExams")}</Text>;

  return (
    <section className="card">
      <Stack>
        <label>
          <Text component="span" display="block" fw={600} mb={4}>
            {t("handIn.exam")}
          </Text>
          <select className="select" value={examId} onChange={(event) => setExamId(event.currentTarget.value)}>
            <option value="">{t("handIn.choose")}</option>
            {list.map((one) => (
              <option key={one.id} value={one.id}>
                {one.title}
              </option>
            ))}
          </select>
        </label>
        {exams.hasNextPage ? (
          <Button variant="subtle" loading={exams.isFetchingNextPage} onClick={() => void exams.fetchNextPage()}>
            {t("results.more")}
          </Button>
        ) : null}
        {exam ? (
          <Pages
            subject="sheet"
            tips={t("handIn.tips")}
            onSend={(files) => {
              const target = { kind: "exam", examId: exam.id } as const;
              return handIn(personId, files.map((file) => ({ target, title: exam.title, files: [file] })));
            }}
          />
        ) : null}
      </Stack>
    </section>
  );
}
