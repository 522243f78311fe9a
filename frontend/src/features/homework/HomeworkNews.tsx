import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { Failed, Waiting } from "../../shell/Page";
import { homeworkQuery } from "./queries";
import { handedIn, type Standing, toDo } from "./standing";
import { StandingRow } from "./StandingRow";

const SHOWN = 3;

/** On the home page: what is due or has to be done again, and what came back. */
export function HomeworkNews() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(homeworkQuery);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  const [due, back] = [toDo(data, Date.now()), handedIn(data)];
  return (
    <>
      <section className="card">
        <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("homework.due")}</h2>
        {due.length ? null : <Text c="dimmed">{t("homework.nothingDue")}</Text>}
        <Newest list={due} />
      </section>
      {back.length ? (
        <section className="card">
          <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("homework.back")}</h2>
          <Newest list={back} />
        </section>
      ) : null}
    </>
  );
}

function Newest({ list }: { list: readonly Standing[] }) {
  const { t } = useTranslation();
  return (
    <>
      {list.slice(0, SHOWN).map((standing) => (
        <StandingRow key={standing.assignment} standing={standing} />
      ))}
      {list.length > SHOWN ? (
        <Link to="/homework" className="link">
          {t("home.all")}
        </Link>
      ) : null}
    </>
  );
}
