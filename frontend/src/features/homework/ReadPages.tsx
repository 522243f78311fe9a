import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { Failed, Waiting } from "../../shell/Page";
import { submissionQuery } from "./queries";

type Page = Schemas["PageReading"];
type Problem = Schemas["Problem"];

/** Each page as it was read: its problems, and its picture. */
export function ReadPages({ submission }: { submission: Schemas["Submission"] }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(submissionQuery(submission));
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  return data.pages.map((page, index) => (
    <section className="card" key={page.id}>
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.75rem" }}>
        {page.worksheet_page === null
          ? t("homework.photo", { count: index + 1 })
          : t("homework.page", { page: page.worksheet_page })}
      </h2>
      {page.is_registered && !page.is_matched ? <Text className="error">{t("homework.unmatched")}</Text> : null}
      {page.is_matched || !page.is_registered ? <Problems page={page} /> : null}
      {page.url === null ? null : <Picture url={page.url} alt={t("homework.pictureAlt")} />}
    </section>
  ));
}

/** By problem what was done; a tap shows what it was seen by. */
function Problems({ page }: { page: Page }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState("");
  const problem = page.problems.find(({ label }) => label === chosen);
  return (
    <div style={{ marginBottom: "0.75rem" }}>
      <ul className="answers">
        {page.problems.map((one) => (
          <li key={one.label}>
            {one.url === null ? (
              <div className={lookOf(one)}>
                <Verdict problem={one} />
              </div>
            ) : (
              <button
                type="button"
                className={lookOf(one)}
                aria-expanded={one.label === chosen}
                onClick={() => setChosen(one.label === chosen ? "" : one.label)}
              >
                <Verdict problem={one} />
              </button>
            )}
          </li>
        ))}
      </ul>
      {problem?.url ? (
        <figure style={{ margin: "0.75rem 0 0" }}>
          <Picture key={problem.label} url={problem.url} alt={t("homework.problemAlt", { label: problem.label })} />
          <figcaption>
            <Text size="sm" c="dimmed">
              {t("homework.problem", { label: problem.label })} · {t(`homework.verdict.${problem.verdict}`)}
            </Text>
          </figcaption>
        </figure>
      ) : (
        <Text size="sm" c="dimmed" mt="xs">
          {t("homework.evidence")}
        </Text>
      )}
    </div>
  );
}

function Verdict({ problem }: { problem: Problem }) {
  const { t } = useTranslation();
  const mark = problem.mark === "right" || problem.mark === "wrong" ? problem.mark : null;
  return (
    <>
      <b>{problem.label}</b>
      {t(`homework.verdict.${problem.verdict}`)}
      {mark ? <span className="mark">{t(`homework.mark.${mark}`)}</span> : null}
    </>
  );
}

/** What the teacher's pen says comes before what was done. */
function lookOf({ mark, verdict }: Problem): string {
  if (mark === "right" || mark === "wrong") return `answer answer-${mark}`;
  return verdict === "attempted" ? "answer" : "answer answer-open";
}

function Picture({ url, alt }: { url: string; alt: string }) {
  const { t } = useTranslation();
  const [isGone, setGone] = useState(false);
  if (isGone) return <Text c="dimmed">{t("results.sheetGone")}</Text>;
  return <img className="sheet" src={url} alt={alt} onError={() => setGone(true)} loading="lazy" />;
}
