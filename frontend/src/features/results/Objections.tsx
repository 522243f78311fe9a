import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { day } from "../../api/times";
import { lastWords, type Objection } from "./objections";

/** All that was objected to of a result, and what became of it. */
export function Objections({ result }: { result: Schemas["OwnResultDetail"] }) {
  const { t } = useTranslation();
  const shown = lastWords(result.objections);
  if (!shown.length) return null;
  return (
    <section className="card">
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("objections.title")}</h2>
      {shown.map((objection) => (
        <div className="row" key={objection.id}>
          <span className="row-main">
            <Asked objection={objection} />
          </span>
        </div>
      ))}
    </section>
  );
}

/** One of them, in words. */
export function Asked({ objection }: { objection: Objection }) {
  const { t, i18n } = useTranslation();
  const { label, values, note, read_as: read, state, reply } = objection;
  const name = label ? t("objections.question", { label: label.replace(/^[qe]/, "") }) : t("objections.sheet");
  return (
    <>
      <span className="between">
        <b>{name}</b>
        <span className={`state state-${state}`}>{t(`objections.state.${state}`)}</span>
      </span>
      {values === null ? null : (
        <Text size="sm">
          {t("objections.said", {
            read: read.join(", ") || t("objections.blank"),
            values: values.join(", ") || t("objections.blank"),
          })}
        </Text>
      )}
      {note ? <Text size="sm">{note}</Text> : null}
      <Text size="sm" c="dimmed">
        {t(`objections.text.${state}`, { date: day(objection.decided_at ?? objection.created_at, i18n.language) })}
      </Text>
      {reply ? <Text className="reply">{reply}</Text> : null}
    </>
  );
}
