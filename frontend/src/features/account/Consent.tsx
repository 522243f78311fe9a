import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api, type Schemas } from "../../api/client";
import { queryClient } from "../../api/session";
import { day } from "../../api/times";
import { Failed, Problem, SubPage, Waiting } from "../../shell/Page";
import { childrenQuery, consentQuery } from "./children";

export function Consent() {
  const { t } = useTranslation();
  const { studentId } = useParams({ from: "/signed-in/children/$studentId/consent" });
  const { data, error, refetch } = useQuery(consentQuery(Number(studentId)));
  return (
    <SubPage title={t("consent.title")} back="/children">
      {data ? <Shown state={data} /> : error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />}
    </SubPage>
  );
}

function Shown({ state }: { state: Schemas["ConsentState"] }) {
  const { t, i18n } = useTranslation();
  const [isSure, setSure] = useState(false);
  const children = useQuery(childrenQuery).data;
  const name = children?.find((child) => child.id === state.student)?.name ?? "";
  const path = { student_id: state.student };
  const refresh = (): Promise<void> => {
    setSure(false);
    return queryClient.invalidateQueries({ queryKey: ["children"] });
  };
  const { version, language } = state.text;
  const give = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/v1/me/children/{student_id}/consent", { params: { path }, body: { version, language } })),
    onSettled: refresh, // also when the text has changed meanwhile: it is shown anew
  });
  const withdraw = useMutation({
    mutationFn: () => api.DELETE("/api/v1/me/children/{student_id}/consent", { params: { path } }),
    onSuccess: refresh,
  });
  const given = state.consents.find((consent) => consent.withdrawn_at === null);
  return (
    <Stack>
      <Text>{t("consent.text", { name })}</Text>
      {!state.needs_consent && !given ? <Text>{t("consent.notNeeded")}</Text> : null}
      <article className="card consent-text" lang={language} tabIndex={0}>
        {plain(state.text.body)}
      </article>
      <Problem error={give.error ?? withdraw.error} />
      {given ? (
        <>
          <Text className="good">
            {t("consent.given", { name: given.signed_by, date: day(given.consented_at, i18n.language) })}
          </Text>
          {isSure ? (
            <div className="card">
              <Text mb="sm">{t("consent.withdrawSure")}</Text>
              <Group>
                <Button color="red" loading={withdraw.isPending} onClick={() => withdraw.mutate()}>
                  {t("consent.withdrawYes")}
                </Button>
                <Button variant="light" onClick={() => setSure(false)}>
                  {t("cancel")}
                </Button>
              </Group>
            </div>
          ) : (
            <Button variant="light" color="red" onClick={() => setSure(true)}>
              {t("consent.withdraw")}
            </Button>
          )}
        </>
      ) : state.needs_consent ? (
        <Button size="lg" loading={give.isPending} onClick={() => give.mutate()}>
          {t("consent.give")}
        </Button>
      ) : null}
    </Stack>
  );
}

/** The text without the marks of its markup, which is headings and lists only. */
function plain(markdown: string): string {
  return markdown.replace(/^#+\s*/gm, "").replace(/^[*-]\s+/gm, "• ").replace(/\*\*/g, "").trim();
}
