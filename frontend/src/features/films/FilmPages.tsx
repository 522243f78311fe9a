import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { Failed, SubPage, Waiting } from "../../shell/Page";
import { isBeingRead, videoQuery } from "./queries";

/** The pages that were found in one film. */
export function FilmPages() {
  const { t } = useTranslation();
  const videoId = Number(useParams({ from: "/signed-in/films/$videoId" }).videoId);
  const { data, error, refetch } = useQuery(videoQuery(videoId));
  return (
    <SubPage title={data?.title ?? t("films.title")} back="/films">
      {data ? (
        <section className="card">
          <Text role="status" className={data.error_message ? "error" : ""}>
            {isBeingRead(data)
              ? t("films.reading", { percent: Math.round(100 * data.progress) })
              : data.error_message || t("films.pages", { count: data.page_count ?? 0 })}
          </Text>
          {data.is_truncated || data.is_cut_off || data.is_timed_out ? (
            <Text className="warning">{t("films.notAll")}</Text>
          ) : null}
          {data.pages.map((page) => (
            <a key={page.position} href={page.picture_url} target="_blank" rel="noreferrer" className="row">
              <img className="thumb" src={page.thumbnail_url} alt={t("handIn.page", { page: page.position })} />
              <span className="row-main">{t("handIn.page", { page: page.position })}</span>
            </a>
          ))}
        </section>
      ) : error ? (
        <Failed error={error} again={() => void refetch()} />
      ) : (
        <Waiting />
      )}
    </SubPage>
  );
}
