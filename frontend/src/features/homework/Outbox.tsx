import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useItems } from "../hand-in/sender";
import type { Item } from "../hand-in/store";
import { Unsent } from "../hand-in/Unsent";

/** The homework that is on its way from this browser, or was refused. */
export function useOutbox(personId: number): readonly Item[] {
  const items = useItems(personId) ?? [];
  return items.filter(({ target, state }) => target.kind === "homework" && state !== "handed_in");
}

/** Shown without a connection, too; nothing when nothing waits. Of one assignment only, if it is given. */
export function Outbox({ personId, assignmentId }: { personId: number; assignmentId?: number }) {
  const { t } = useTranslation();
  const all = useOutbox(personId);
  const items = all.filter(
    ({ target }) => assignmentId === undefined || (target.kind === "homework" && target.assignmentId === assignmentId),
  );
  if (!items.length) return null;
  return (
    <section className="card" style={{ marginBottom: "1rem" }}>
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("homework.outbox")}</h2>
      {items.map((item) => (
        <div className="row" key={item.id}>
          <div className="row-main">
            <Text fw={600}>{item.title}</Text>
            <Text size="sm" c="dimmed">
              {t("homework.files", { count: item.files.length })}
            </Text>
            <Unsent item={item} />
          </div>
        </div>
      ))}
    </section>
  );
}
