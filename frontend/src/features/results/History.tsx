import { Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { day, points } from "../../api/times";
import { type CourseHistory, historiesOf } from "./history";

// Of the drawing, in its own units: about the pixels of a telephone of 390.
const WIDTH = 320;
const HEIGHT = 170;
const LEFT = 40;
const RIGHT = 4;
/** Between the ends of the lines and the first and the last exam. */
const INSET = 18;
const TOP = 26;
const BOTTOM = 28;

/** How the results of one course went; nothing where there is nothing to compare. */
export function History({ results }: { results: readonly Schemas["OwnResult"][] }) {
  const { t } = useTranslation();
  const histories = historiesOf(results);
  const [chosen, setChosen] = useState<string | null>();
  const shown = histories.find(({ course }) => course === chosen) ?? histories[0];
  if (!shown) return null;
  return (
    <section className="card" style={{ marginBottom: "1rem" }}>
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("results.history")}</h2>
      {histories.length > 1 ? (
        <div className="chips" role="group" aria-label={t("results.course")}>
          {histories.map(({ course }) => (
            <button
              key={course ?? ""}
              type="button"
              className="chip"
              aria-pressed={course === shown.course}
              onClick={() => setChosen(course)}
            >
              {course ?? t("results.noCourse")}
            </button>
          ))}
        </div>
      ) : (
        <Text size="sm" c="dimmed">
          {shown.course ?? t("results.noCourse")}
        </Text>
      )}
      <Drawn history={shown} />
      <Told history={shown} />
    </section>
  );
}

function Drawn({ history: { exams } }: { history: CourseHistory }) {
  const { i18n } = useTranslation();
  const step = (WIDTH - LEFT - RIGHT - 2 * INSET) / (exams.length - 1);
  const places = exams.map(({ percent }, index) => ({ x: LEFT + INSET + index * step, y: yOf(percent) }));
  const isCrowded = exams.length > 6;
  return (
    <svg className="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      {[0, 50, 100].map((percent) => (
        <g key={percent}>
          <line className="chart-grid" x1={LEFT} x2={WIDTH - RIGHT} y1={yOf(percent)} y2={yOf(percent)} />
          <text x={LEFT - 8} y={yOf(percent) + 4} textAnchor="end">
            {percent}%
          </text>
        </g>
      ))}
      <polyline className="chart-line" points={places.map(({ x, y }) => `${x},${y}`).join(" ")} />
      {exams.map(({ id, percent, readAt }, index) => {
        const { x, y } = places[index] ?? { x: 0, y: 0 };
        const isEnd = index === 0 || index === exams.length - 1;
        return (
          <g key={id}>
            <circle className="chart-dot" cx={x} cy={y} r="4" />
            {isEnd || !isCrowded ? (
              <text className="chart-value" x={x} y={y - 9} textAnchor="middle">
                {percent}
              </text>
            ) : null}
            {isEnd ? (
              <text x={index ? x + INSET : x - INSET} y={HEIGHT - 8} textAnchor={index ? "end" : "start"}>
                {day(readAt, i18n.language)}
              </text>
            ) : null}
          </g>
        );
      })}
    </svg>
  );
}

const yOf = (percent: number): number => TOP + ((100 - percent) / 100) * (HEIGHT - TOP - BOTTOM);

/** The same for who hears the page. */
function Told({ history: { exams } }: { history: CourseHistory }) {
  const { t, i18n } = useTranslation();
  return (
    <div className="heard">
      <table>
        <caption>{t("results.historyCaption")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("results.exam")}</th>
            <th scope="col">{t("results.date")}</th>
            <th scope="col">{t("results.score")}</th>
            <th scope="col">%</th>
          </tr>
        </thead>
        <tbody>
          {exams.map((past) => (
            <tr key={past.id}>
              <th scope="row">{past.title}</th>
              <td>{day(past.readAt, i18n.language)}</td>
              <td>
                {points(past.points)} / {points(past.max)}
              </td>
              <td>{past.percent}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
