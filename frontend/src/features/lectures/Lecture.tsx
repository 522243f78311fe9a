import { Button, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { may, usePerson } from "../../api/session";
import { Failed, NotFound, Problem, SubPage, Waiting } from "../../shell/Page";
import { ChosenChild } from "../account/ChosenChild";
import { QUALITIES } from "./film";
import { lectureQuery } from "./queries";
import { clock, speedsUpTo } from "./recorder";
import { Storyboard } from "./Storyboard";
import { useWatching } from "./watching";

/** One lecture: it goes on where it was left, and what is watched is told as it is. */
export function Lecture() {
  const { t } = useTranslation();
  const lectureId = Number(useParams({ from: "/signed-in/lectures/$lectureId" }).lectureId);
  const person = usePerson();
  if (!person || !may(person, "lectures.watch")) return <NotFound />;
  return (
    <SubPage title={t("lectures.title")} back="/lectures">
      <ChosenChild>
        <Found lectureId={lectureId} />
      </ChosenChild>
    </SubPage>
  );
}

function Found({ lectureId }: { lectureId: number }) {
  const { data, error, refetch } = useQuery(lectureQuery(lectureId));
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  return <Player key={data.id} lecture={data} />;
}

function Player({ lecture }: { lecture: Schemas["OwnLectureDetail"] }) {
  const { t } = useTranslation();
  const { video, state, error, speed, setSpeed, quality, hasQualities, setQuality, jump, again } =
    useWatching(lecture);
  return (
    <Stack>
      <section className="card">
        <div className="film">
          <video
            ref={video}
            controls
            controlsList="nodownload"
            disablePictureInPicture
            playsInline
            preload="metadata"
            poster={lecture.poster_url}
            aria-label={lecture.title}
            hidden={state === "ended"}
          />
          {state === "ended" ? (
            <div className="middle" role="alert">
              {error ? <Problem error={error} /> : <Text>{t("lectures.ended")}</Text>}
              <Button onClick={again}>{t("lectures.goOn")}</Button>
            </div>
          ) : null}
        </div>
        <h2 style={{ fontSize: "1.25rem", margin: "0.75rem 0 0" }}>{lecture.title}</h2>
        <Text c="dimmed">
          {lecture.course.name} · {clock(lecture.seconds)}
        </Text>
        {lecture.has_sound ? null : (
          <Text size="sm" c="dimmed">
            {t("lectures.silent")}
          </Text>
        )}
        <div className="speeds" role="group" aria-label={t("lectures.speed")}>
          {speedsUpTo(lecture.max_speed).map((one) => (
            <Button
              key={one}
              size="compact-sm"
              variant={one === speed ? "filled" : "light"}
              aria-pressed={one === speed}
              onClick={() => setSpeed(one)}
            >
              {one}×
            </Button>
          ))}
        </div>
        {hasQualities && state === "open" ? (
          <div className="speeds" role="group" aria-label={t("lectures.quality")}>
            {QUALITIES.map((one) => (
              <Button
                key={one}
                size="compact-sm"
                variant={one === quality ? "filled" : "light"}
                aria-pressed={one === quality}
                onClick={() => setQuality(one)}
              >
                {t(`lectures.qualities.${one}`)}
              </Button>
            ))}
          </div>
        ) : null}
      </section>
      {lecture.storyboard && state === "open" ? <Storyboard board={lecture.storyboard} onChoose={jump} /> : null}
    </Stack>
  );
}
