import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { points } from "../../api/times";

const WIDTH = 320;
const HEIGHT = 132;
const BASE = 104;
const TOP = 28;
const SIDE = 8;

/** Where one stands among those who sat the exam, as far as the academy shows it. */
export function ClassStanding({ result }: { result: Schemas["OwnResultDetail"] }) {
  const { t } = useTranslation();
  const { rank, rank_people: people, class_standing: standing } = result;
  if (rank === null || people === null) return null;
  return (
    <section className="card">
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("results.standing")}</h2>
      <Text>
        <b>{t("results.rank", { rank, people })}</b>
        {standing ? ` · ${t("results.mean", { points: points(String(standing.mean)) })}` : null}
      </Text>
      {standing ? <Histogram standing={standing} /> : null}
    </section>
  );
}

function Histogram({ standing }: { standing: Schemas["ClassStanding"] }) {
  const { t } = useTranslation();
  const bins = standing.histogram;
  const most = Math.max(...bins, 1);
  const width = (WIDTH - 2 * SIDE) / bins.length;
  const from = (bin: number): string => points(((standing.max_points * bin) / bins.length).toFixed(1));
  const top = (count: number): number => BASE - (count / most) * (BASE - TOP);
  const own = SIDE + (standing.own_bin + 0.5) * width;
  const anchor = standing.own_bin < 2 ? "start" : standing.own_bin > bins.length - 3 ? "end" : "middle";
  const label = anchor === "start" ? SIDE : anchor === "end" ? WIDTH - SIDE : own;
  return (
    <>
      <svg className="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        {bins.map((count, bin) => (
          <rect
            key={bin}
            className={bin === standing.own_bin ? "chart-bar chart-own" : "chart-bar"}
            x={SIDE + bin * width + 2}
            width={width - 4}
            y={top(count)}
            height={BASE - top(count)}
            rx="3"
          />
        ))}
        <text className="chart-value" x={label} y="12" textAnchor={anchor}>
          {t("results.here")}
        </text>
        <path className="chart-own" d={`M${own - 5} 17h10l-5 7z`} />
        <line className="chart-grid" x1={SIDE} x2={WIDTH - SIDE} y1={BASE} y2={BASE} />
        <text x={SIDE} y={HEIGHT - 8}>
          {t("results.points", { points: 0 })}
        </text>
        <text x={WIDTH - SIDE} y={HEIGHT - 8} textAnchor="end">
          {t("results.points", { points: from(bins.length) })}
        </text>
      </svg>
      <div className="heard">
        <table>
          <caption>{t("results.histogram")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("results.score")}</th>
              <th scope="col">{t("results.people")}</th>
            </tr>
          </thead>
          <tbody>
            {bins.map((count, bin) => (
              <tr key={bin}>
                <th scope="row">
                  {from(bin)}–{from(bin + 1)}
                  {bin === standing.own_bin ? ` (${t("results.here")})` : ""}
                </th>
                <td>{count}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
