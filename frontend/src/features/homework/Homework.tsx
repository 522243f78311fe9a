import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { may, usePerson } from "../../api/session";
import { Failed, NotFound, Waiting } from "../../shell/Page";
import { ChosenChild } from "../account/ChosenChild";
import { Outbox } from "./Outbox";
import { homeworkQuery } from "./queries";
import { handedIn, type Standing, toDo } from "./standing";
import { StandingRow } from "./StandingRow";

export function Homework() {
  const { t } = useTranslation();
  const person = usePerson();
  if (!person || !may(person, "homework.own")) return <NotFound />;
  return (
    <main className="page">
      <h1 style={{ fontSize: "1.5rem", margin: "0.25rem 0 0.75rem" }}>{t("homework.title")}</h1>
      <Outbox personId={person.id} />
      {may(person, "videos.submit") ? (
        <Link to="/films" className="link" style={{ marginBottom: "0.75rem" }}>
          {t("films.link")}
        </Link>
      ) : null}
      <ChosenChild>
        <Lists />
      </ChosenChild>
    </main>
  );
}

function Lists() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(homeworkQuery);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  if (!data.length) {
    return (
      <div className="middle">
        <Text fw={600}>{t("homework.none")}</Text>
        <Text c="dimmed">{t("homework.noneText")}</Text>
      </div>
    );
  }
  return (
    <Stack>
      <List title={t("homework.due")} list={toDo(data, Date.now())} />
      <List title={t("homework.back")} list={handedIn(data)} />
    </Stack>
  );
}

function List({ title, list }: { title: string; list: readonly Standing[] }) {
  if (!list.length) return null;
  return (
    <section className="card">
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{title}</h2>
      {list.map((standing) => (
        <StandingRow key={standing.assignment} standing={standing} />
      ))}
    </section>
  );
}
