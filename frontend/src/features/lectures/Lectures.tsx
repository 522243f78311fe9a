import { Progress, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { may, usePerson } from "../../api/session";
import { Failed, NotFound, Waiting } from "../../shell/Page";
import { ChosenChild } from "../account/ChosenChild";
import { lecturesQuery } from "./queries";
import { clock } from "./recorder";

type Lecture = Schemas["OwnLecture"];

export function Lectures() {
  const { t } = useTranslation();
  const person = usePerson();
  if (!person || !may(person, "lectures.watch")) return <NotFound />;
  return (
    <main className="page">
      <h1 style={{ fontSize: "1.5rem", margin: "0.25rem 0 0.75rem" }}>{t("lectures.title")}</h1>
      <ChosenChild>
        <Courses />
      </ChosenChild>
    </main>
  );
}

function Courses() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(lecturesQuery);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  if (!data.length) {
    return (
      <div className="middle">
        <Text fw={600}>{t("lectures.none")}</Text>
        <Text c="dimmed">{t("lectures.noneText")}</Text>
      </div>
    );
  }
  const courses = new Map<number, Lecture[]>();
  for (const lecture of data) courses.set(lecture.course.id, [...(courses.get(lecture.course.id) ?? []), lecture]);
  return (
    <Stack>
      {[...courses.values()].map((lectures) => (
        <section className="card" key={lectures[0]!.course.id}>
          <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{lectures[0]!.course.name}</h2>
          {lectures.map((lecture) => (
            <LectureRow key={lecture.id} lecture={lecture} />
          ))}
        </section>
      ))}
    </Stack>
  );
}

function LectureRow({ lecture }: { lecture: Lecture }) {
  const { t } = useTranslation();
  const percent = Math.round(lecture.watched_share * 100);
  const isBegun = lecture.watched_at !== null;
  return (
    <Link to="/lectures/$lectureId" params={{ lectureId: String(lecture.id) }} className="row">
      <img className="poster" src={lecture.poster_url} alt="" loading="lazy" />
      <span className="row-main">
        <Text component="span" display="block" fw={600}>
          {lecture.title}
        </Text>
        <Text component="span" display="block" size="sm" c="dimmed">
          {clock(lecture.seconds)}
          {" · "}
          {percent === 100 ? t("lectures.watched") : isBegun ? t("lectures.percent", { percent }) : t("lectures.new")}
        </Text>
        {isBegun ? <Progress component="span" display="block" mt={4} size="sm" value={percent} aria-hidden /> : null}
      </span>
    </Link>
  );
}
