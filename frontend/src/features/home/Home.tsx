import { Button, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";

import { may, usePerson } from "../../api/session";
import { Failed, Waiting } from "../../shell/Page";
import { ChosenChild } from "../account/ChosenChild";
import { HomeworkNews } from "../homework/HomeworkNews";
import { resultsQuery } from "../results/queries";
import { ResultRow } from "../results/ResultRow";

const Items = lazy(() => import("../hand-in/Items").then((module) => ({ default: module.Items })));
const Outbox = lazy(() => import("../homework/Outbox").then((module) => ({ default: module.Outbox })));
const FilmsOutbox = lazy(() => import("../films/FilmsOutbox").then((module) => ({ default: module.FilmsOutbox })));
const Offer = lazy(() => import("../notices/Offer").then((module) => ({ default: module.Offer })));
const SHOWN = 3;

export function Home() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const person = usePerson();
  if (!person) return null;
  return (
    <main className="page">
      <h1 style={{ fontSize: "1.5rem", margin: "0.25rem 0 0.75rem" }}>{t("home.hello", { name: person.name })}</h1>
      {may(person, "homework.own") ? (
        <Suspense fallback={null}>
          <Outbox personId={person.id} />
        </Suspense>
      ) : null}
      {may(person, "videos.submit") ? (
        <Suspense fallback={null}>
          <FilmsOutbox personId={person.id} />
        </Suspense>
      ) : null}
      {may(person, "results.view_own") || may(person, "homework.own") ? (
        <ChosenChild>
          <Stack>
            {may(person, "homework.own") ? <HomeworkNews /> : null}
            {may(person, "results.view_own") ? <Newest /> : null}
            {may(person, "results.view_own") ? (
              <Suspense fallback={null}>
                <Offer person={person} />
              </Suspense>
            ) : null}
          </Stack>
        </ChosenChild>
      ) : null}
      {may(person, "scans.submit") ? (
        <Stack>
          <Text>{t("home.staff")}</Text>
          <Button size="lg" onClick={() => void navigate({ to: "/hand-in" })}>
            {t("home.handIn")}
          </Button>
          <Suspense fallback={<Waiting />}>
            <Items personId={person.id} newest={SHOWN} />
          </Suspense>
        </Stack>
      ) : null}
    </main>
  );
}

function Newest() {
  const { t } = useTranslation();
  const { data, error, refetch } = useInfiniteQuery(resultsQuery);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  const results = data.pages[0]?.results ?? [];
  return (
    <section className="card">
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("home.newest")}</h2>
      {results.length ? null : <Text c="dimmed">{t("home.nothing")}</Text>}
      {results.slice(0, SHOWN).map((result) => (
        <ResultRow key={result.id} result={result} />
      ))}
      {results.length > SHOWN ? (
        <Link to="/results" className="link">
          {t("home.all")}
        </Link>
      ) : null}
    </section>
  );
}
