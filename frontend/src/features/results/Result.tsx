import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { day, points } from "../../api/times";
import { Failed, SubPage, Waiting } from "../../shell/Page";
import { Answers } from "./Answers";
import { ClassStanding } from "./ClassStanding";
import { Objections } from "./Objections";
import { resultQuery } from "./queries";

/** One exam: the points, each question, and the picture of the sheet with what was read on it. */
export function Result() {
  const { t } = useTranslation();
  const { examId } = useParams({ from: "/signed-in/results/$examId" });
  const { data, error, refetch } = useQuery(resultQuery(Number(examId)));
  return (
    <SubPage title={data?.title ?? t("results.title")} back="/results">
      {data ? <Shown result={data} /> : error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />}
    </SubPage>
  );
}

function Shown({ result }: { result: Schemas["OwnResultDetail"] }) {
  const { t, i18n } = useTranslation();
  return (
    <Stack>
      <section className="card score">
        <div className="score-points">{t("results.points", { points: points(result.points) })}</div>
        <Text c="dimmed">{t("results.of", { max: points(result.max_points) })}</Text>
        <Text size="sm" c="dimmed">
          {t("results.readOn", { date: day(result.read_at, i18n.language) })}
        </Text>
      </section>
      <ClassStanding result={result} />
      <Objections result={result} />
      {result.pages.map((page, index) => (
        <section className="card" key={page.id}>
          <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.75rem" }}>{t("results.answers")}</h2>
          <Answers result={result} page={page} />
          {page.overlay_url === null ? null : (
            <>
              <h2 style={{ fontSize: "1.0625rem", margin: "1.25rem 0 0.75rem" }}>
                {result.pages.length > 1 ? t("results.sheetPage", { page: page.page ?? index + 1 }) : t("results.sheet")}
              </h2>
              <Sheet url={page.overlay_url} />
            </>
          )}
        </section>
      ))}
    </Stack>
  );
}

/** A link to the same picture is another one each time: what is loaded stays. */
function Sheet({ url }: { url: string }) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(url);
  const [isGone, setGone] = useState(false);
  if (fileOf(url) !== fileOf(shown)) {
    setShown(url);
    setGone(false);
  }
  if (isGone) return <Text c="dimmed">{t("results.sheetGone")}</Text>;
  return <img className="sheet" src={shown} alt={t("results.sheetAlt")} onError={() => setGone(true)} loading="lazy" />;
}

const fileOf = (url: string): string => url.replace(/\?.*$/, "");
