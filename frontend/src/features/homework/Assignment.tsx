import { Button, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { may, type Person, usePerson } from "../../api/session";
import { moment } from "../../api/times";
import { Failed, NotFound, SubPage, Waiting } from "../../shell/Page";
import { ChosenChild } from "../account/ChosenChild";
import { Pages } from "../hand-in/Pages";
import { handIn } from "../hand-in/sender";
import { Outbox, useOutbox } from "./Outbox";
import { homeworkQuery } from "./queries";
import { ReadPages } from "./ReadPages";
import { type Standing, type Status, statusOf } from "./standing";
import { State } from "./StandingRow";

/** The API takes no more at once. */
const MAX_FILES = 20;
const TO_DO_AGAIN: readonly Status[] = ["failed", "cancelled", "partly"];

/** One piece of homework: what was read of it, problem by problem, and handing it in. */
export function Assignment() {
  const { t } = useTranslation();
  const assignmentId = Number(useParams({ from: "/signed-in/homework/$assignmentId" }).assignmentId);
  const person = usePerson();
  if (!person || !may(person, "homework.own")) return <NotFound />;
  return (
    <SubPage title={t("homework.title")} back="/homework">
      <Outbox personId={person.id} assignmentId={assignmentId} />
      <ChosenChild>
        <Found person={person} assignmentId={assignmentId} />
      </ChosenChild>
    </SubPage>
  );
}

function Found({ person, assignmentId }: { person: Person; assignmentId: number }) {
  const { data, error, refetch } = useQuery(homeworkQuery);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  const standing = data.find(({ assignment }) => assignment === assignmentId);
  return standing ? <Shown person={person} standing={standing} /> : <NotFound />;
}

function Shown({ person, standing }: { person: Person; standing: Standing }) {
  const { i18n, t } = useTranslation();
  const { submission } = standing;
  const isRead = submission?.state === "succeeded";
  return (
    <Stack>
      <section className="card">
        <h2 style={{ fontSize: "1.25rem", margin: 0 }}>{standing.title}</h2>
        <Text c="dimmed">{t("homework.until", { date: moment(standing.due_at, i18n.language) })}</Text>
        <div role="status">
          <State standing={standing} />
        </div>
        {submission ? (
          <Text size="sm" c="dimmed">
            {t("homework.sentOn", { date: moment(submission.created_at, i18n.language) })}
          </Text>
        ) : null}
      </section>
      <Sending person={person} standing={standing} />
      {isRead ? <ReadPages submission={submission} /> : null}
    </Stack>
  );
}

/** Taking and sending the pages: open at once when nothing was handed in, else when one wants to do it again. */
function Sending({ person, standing }: { person: Person; standing: Standing }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const isOnItsWay = useOutbox(person.id).some(
    ({ target }) =>
      target.kind === "homework" &&
      target.assignmentId === standing.assignment &&
      target.studentId === standing.student,
  );
  if (isOnItsWay) return null; // it is shown above
  const hasToBeRepeated = TO_DO_AGAIN.includes(statusOf(standing, Date.now()));
  if (standing.submission && !isOpen) {
    return (
      <Button size="md" variant={hasToBeRepeated ? "filled" : "light"} onClick={() => setOpen(true)}>
        {t(hasToBeRepeated ? "handIn.retake" : "homework.again")}
      </Button>
    );
  }
  const title = may(person, "children.view") ? `${standing.title} (${standing.name})` : standing.title;
  return (
    <section className="card">
      {standing.submission ? <Text mb="sm">{t("homework.againText")}</Text> : null}
      <Pages
        subject="paper"
        tips={t("homework.tips")}
        atMost={MAX_FILES}
        onSend={async (files) => {
          const target = { kind: "homework", assignmentId: standing.assignment, studentId: standing.student } as const;
          await handIn(person.id, [{ target, title, files }]);
          setOpen(false);
        }}
      />
    </section>
  );
}
