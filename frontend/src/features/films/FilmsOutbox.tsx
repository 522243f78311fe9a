import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useItems } from "../hand-in/sender";
import { Unsent } from "../hand-in/Unsent";

/** The films that are on their way from this browser, or were refused; nothing when none is. */
export function FilmsOutbox({ personId }: { personId: number }) {
  const { t } = useTranslation();
  const items = (useItems(personId) ?? []).filter(
    ({ target, state }) => target.kind === "film" && (state === "waiting" || state === "refused"),
  );
  if (!items.length) return null;
  return (
    <section className="card" style={{ marginBottom: "1rem" }}>
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("films.outbox")}</h2>
      {items.map((item) => (
        <div className="row" key={item.id}>
          <div className="row-main">
            <Text fw={600} truncate>
              {item.title}
            </Text>
            <Unsent item={item} />
          </div>
        </div>
      ))}
    </section>
  );
}
