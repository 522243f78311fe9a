import { Button, Text } from "@mantine/core";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { may, usePerson } from "../../api/session";
import { points } from "../../api/times";
import { ObjectionForm } from "./ObjectionForm";
import { Asked } from "./Objections";
import { mayObject, objectionAt } from "./objections";

type Result = Schemas["OwnResultDetail"];
type Page = Schemas["OwnPage"];

const WHOLE = "";

/** What was read on a page, answer by answer; where the sheet is shown a tap says that it was read wrong. */
export function Answers({ result, page }: { result: Result; page: Page }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<string | null>(null);
  const canObject = may(usePerson(), "results.object") && page.overlay_url !== null;
  const toggle = (label: string) => setChosen(chosen === label ? null : label);
  return (
    <>
      <ul className="answers">
        {page.answers.map((answer) => {
          const look = `answer answer-${answer.outcome ?? "no_key"}`;
          const isAsked = objectionAt(result.objections, page.id, answer.label)?.state === "asked";
          return canObject && answer.outcome !== null ? (
            <Fragment key={answer.label}>
              <li>
                <button
                  type="button"
                  className={look}
                  aria-expanded={chosen === answer.label}
                  onClick={() => toggle(answer.label)}
                >
                  <Answer answer={answer} isAsked={isAsked} />
                </button>
              </li>
              {chosen === answer.label ? (
                <li className="answers-open">
                  <Chosen result={result} page={page} of={answer} label={answer.label} onDone={() => setChosen(null)} />
                </li>
              ) : null}
            </Fragment>
          ) : (
            <li className={look} key={answer.label}>
              <Answer answer={answer} isAsked={isAsked} />
            </li>
          );
        })}
      </ul>
      {canObject ? (
        <Text size="sm" c="dimmed" mt="xs">
          {t("objections.hint")}
        </Text>
      ) : null}
      {page.essays.map((essay) => (
        <div key={essay.label}>
          <div className="row">
            <span className="row-main">{t("results.essay", { label: essay.label.replace(/^[qe]/, "") })}</span>
            {essay.points === null ? null : <b>{t("results.essayPoints", { points: points(essay.points) })}</b>}
            {canObject ? (
              <Button
                size="xs"
                variant="light"
                aria-expanded={chosen === essay.label}
                onClick={() => toggle(essay.label)}
              >
                {t("objections.title")}
              </Button>
            ) : null}
          </div>
          {chosen === essay.label ? (
            <Chosen result={result} page={page} label={essay.label} onDone={() => setChosen(null)} />
          ) : null}
        </div>
      ))}
      {canObject ? (
        <>
          <button
            type="button"
            className="link"
            aria-expanded={chosen === WHOLE}
            onClick={() => toggle(WHOLE)}
          >
            {t("objections.whole")}
          </button>
          {chosen === WHOLE ? (
            <Chosen result={result} page={page} label={WHOLE} onDone={() => setChosen(null)} />
          ) : null}
        </>
      ) : null}
    </>
  );
}

function Answer({ answer, isAsked }: { answer: Schemas["OwnPageAnswer"]; isAsked: boolean }) {
  const { t } = useTranslation();
  return (
    <>
      {answer.label.replace(/^q/, "")}
      <b>{answer.values.join(", ") || "–"}</b>
      {t(`results.outcome.${answer.outcome ?? "no_key"}`)}
      {isAsked ? <span className="mark">{t("objections.state.asked")}</span> : null}
    </>
  );
}

type ChosenProps = {
  result: Result;
  page: Page;
  label: string;
  of?: Schemas["OwnPageAnswer"];
  onDone: () => void;
};

/** What was asked there, and asking where that is possible. */
function Chosen({ result, page, label, of, onDone }: ChosenProps) {
  const { t } = useTranslation();
  const objection = objectionAt(result.objections, page.id, label);
  return (
    <div className="chosen">
      {of ? (
        <Text fw={600}>
          {t("objections.read", { label: label.replace(/^q/, ""), values: of.values.join(", ") || t("objections.blank") })}
        </Text>
      ) : null}
      {objection ? <Asked objection={objection} /> : null}
      {mayObject(objection, result.objections_left) ? (
        <ObjectionForm examId={result.id} page={page.id} label={label} of={of} onDone={onDone} />
      ) : result.objections_left ? null : (
        <Text size="sm">{t("objections.noneLeft")}</Text>
      )}
    </div>
  );
}
