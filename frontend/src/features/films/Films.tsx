import { Button, Stack, Text, TextInput } from "@mantine/core";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ChangeEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { may, usePerson } from "../../api/session";
import { moment } from "../../api/times";
import { CameraIcon } from "../../shell/icons";
import { Failed, NotFound, SubPage, Waiting } from "../../shell/Page";
import { handInFilm } from "../hand-in/sender";
import { EmptyFilm, filmTypeOf, FilmTooLarge, NotAFilm } from "./film";
import { FilmsOutbox } from "./FilmsOutbox";
import { isBeingRead, type Video, videosQuery } from "./queries";

const KINDS = "video/mp4,video/quicktime,video/webm,.mp4,.m4v,.mov,.webm";

/** Filming a notebook instead of taking a photo of each page. */
export function Films() {
  const { t } = useTranslation();
  const person = usePerson();
  if (!person || !may(person, "videos.submit")) return <NotFound />;
  return (
    <SubPage title={t("films.title")} back="/homework">
      <FilmsOutbox personId={person.id} />
      <Stack>
        <NewFilm personId={person.id} />
        <HandedIn />
      </Stack>
    </SubPage>
  );
}

function NewFilm({ personId }: { personId: number }) {
  const { t } = useTranslation();
  const [title, setTitle] = useState("");
  const [problem, setProblem] = useState("");
  const camera = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const keep = useMutation({
    networkMode: "always", // what is kept here needs no network
    mutationFn: async (file: File) => handInFilm(personId, title.trim() || file.name, filmTypeOf(file), file),
    onSuccess: () => setTitle(""),
    onError: (error) => setProblem(t(wordsOf(error))),
  });
  const take = (event: ChangeEvent<HTMLInputElement>): void => {
    const [file] = event.currentTarget.files ?? [];
    setProblem("");
    if (file) keep.mutate(file, { onSettled: () => empty(camera.current, files.current) });
  };
  return (
    <section className="card">
      <Stack>
        <Text size="sm" c="dimmed">
          {t("films.tips")}
        </Text>
        <TextInput
          label={t("films.name")}
          placeholder={t("films.nameExample")}
          maxLength={120}
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <Button
          size="lg"
          leftSection={<CameraIcon className="chevron-in" />}
          disabled={keep.isPending}
          onClick={() => camera.current?.click()}
        >
          {t("films.camera")}
        </Button>
        <Button size="md" variant="light" loading={keep.isPending} onClick={() => files.current?.click()}>
          {t("films.file")}
        </Button>
        <input
          ref={camera}
          className="hidden-file"
          type="file"
          accept="video/*"
          capture="environment"
          tabIndex={-1}
          aria-label={t("films.camera")}
          onChange={take}
        />
        <input
          ref={files}
          className="hidden-file"
          type="file"
          accept={KINDS}
          tabIndex={-1}
          aria-label={t("films.file")}
          onChange={take}
        />
        {keep.isPending ? <Text role="status">{t("films.keeping")}</Text> : null}
        {problem ? (
          <Text role="alert" className="error">
            {problem}
          </Text>
        ) : null}
      </Stack>
    </section>
  );
}

/** Not before it is kept: a browser may let go of the file of a field that is emptied. */
function empty(...fields: (HTMLInputElement | null)[]): void {
  for (const field of fields) if (field) field.value = "";
}

type Words = "films.wrongKind" | "films.tooLarge" | "films.empty" | "films.lost" | "handIn.full";

function wordsOf(error: unknown): Words {
  if (error instanceof NotAFilm) return "films.wrongKind";
  if (error instanceof FilmTooLarge) return "films.tooLarge";
  if (error instanceof DOMException && ["NotReadableError", "NotFoundError"].includes(error.name)) return "films.lost";
  return error instanceof EmptyFilm ? "films.empty" : "handIn.full";
}

function HandedIn() {
  const { t } = useTranslation();
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(videosQuery);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  const videos = data.pages.flatMap((page) => page.results);
  return (
    <section className="card">
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("films.handedIn")}</h2>
      {videos.length ? null : <Text c="dimmed">{t("films.none")}</Text>}
      {videos.map((video) => (
        <FilmRow key={video.id} video={video} />
      ))}
      {hasNextPage ? (
        <Button variant="subtle" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("results.more")}
        </Button>
      ) : null}
    </section>
  );
}

function FilmRow({ video }: { video: Video }) {
  const { i18n, t } = useTranslation();
  return (
    <Link to="/films/$videoId" params={{ videoId: String(video.id) }} className="row">
      <span className="row-main">
        <Text component="span" display="block" fw={600} truncate>
          {video.title}
        </Text>
        <Text component="span" display="block" size="sm" c="dimmed">
          {moment(video.created_at, i18n.language)}
        </Text>
        <Text component="span" display="block" size="sm" className={video.error_message ? "error" : ""}>
          {isBeingRead(video)
            ? t("films.reading", { percent: Math.round(100 * video.progress) })
            : video.error_message || t("films.pages", { count: video.page_count ?? 0 })}
        </Text>
      </span>
    </Link>
  );
}
