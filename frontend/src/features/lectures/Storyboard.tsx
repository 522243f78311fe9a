import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { clock } from "./recorder";

/** Small pictures of the whole lecture in a strip: a tap goes there. */
export function Storyboard({ board, onChoose }: { board: Schemas["Storyboard"]; onChoose: (second: number) => void }) {
  const { t } = useTranslation();
  return (
    <section className="card" aria-labelledby="strip">
      <h2 id="strip" style={{ fontSize: "1.0625rem", margin: "0 0 0.5rem" }}>
        {t("lectures.strip")}
      </h2>
      <div className="strip">
        {Array.from({ length: board.count }, (_, number) => (
          <button
            type="button"
            key={number}
            className="strip-tile"
            onClick={() => onChoose(number * board.every_seconds)}
          >
            <span
              className="strip-picture"
              style={{
                width: board.tile_width,
                height: board.tile_height,
                backgroundImage: `url("${board.url}")`,
                backgroundPosition: `-${(number % board.columns) * board.tile_width}px -${
                  Math.floor(number / board.columns) * board.tile_height
                }px`,
              }}
            />
            {t("lectures.from", { time: clock(number * board.every_seconds) })}
          </button>
        ))}
      </div>
    </section>
  );
}
