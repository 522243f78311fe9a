import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { answer, api, type Schemas } from "../../api/client";
import { useJobChanges } from "../../live/jobs";
import { useItems } from "./sender";
import type { Item } from "./store";
import { Unsent } from "./Unsent";

const batchQuery = (batchId: number | null) => ({
  queryKey: ["batches", batchId],
  queryFn: () => answer(api.GET("/api/v1/batches/{batch_id}", { params: { path: { batch_id: batchId! } } })),
  enabled: batchId !== null,
});

/** The sheets that were handed in from here: what waits, what is being read, and what to do about what failed. */
export function Items({ personId, newest }: { personId: number; newest?: number }) {
  const { t } = useTranslation();
  const items = useItems(personId)?.filter(({ target }) => target.kind === "exam");
  useJobChanges(Boolean(items?.some((item) => item.receiptId !== null)));
  if (!items) return null;
  return (
    <section className="card">
      <h2 style={{ fontSize: "1.0625rem", margin: "0 0 0.25rem" }}>{t("home.handIns")}</h2>
      {items.length ? null : <Text c="dimmed">{t("home.noHandIns")}</Text>}
      {items.slice(0, newest).map((item) => (
        <Row key={item.id} item={item} />
      ))}
    </section>
  );
}

function Row({ item }: { item: Item }) {
  return (
    <div className="row">
      <div className="row-main">
        <Text truncate fw={600}>
          {item.title}
        </Text>
        <Text truncate size="sm" c="dimmed">
          {item.files[0]?.fileName}
        </Text>
        {item.state === "handed_in" ? <HandedInItem item={item} /> : <Unsent item={item} />}
      </div>
    </div>
  );
}

function HandedInItem({ item }: { item: Item }) {
  const { t } = useTranslation();
  const { data } = useQuery(batchQuery(item.receiptId));
  return (
    <>
      <Text size="sm" className={data?.is_finished && !data.failed ? "good" : ""}>
        {stateOf(t, data)}
      </Text>
      {data?.failures.map((failure) => (
        <Text key={failure.page_index ?? -1} className="error" size="sm">
          {failure.page_index !== null && data.page_count !== 1 ? `${t("handIn.page", { page: failure.page_index + 1 })}: ` : ""}
          {failure.message}
        </Text>
      ))}
    </>
  );
}

function stateOf(t: ReturnType<typeof useTranslation>["t"], batch: Schemas["Batch"] | undefined): string {
  if (!batch) return t("handIn.handedIn");
  if (batch.is_finished && batch.cancelled && !batch.read) return t("handIn.cancelled");
  if (batch.is_finished) return batch.failed ? t("handIn.failed") : t("handIn.read");
  if (batch.page_count && batch.page_count > 1) {
    return t("handIn.readingOf", { count: batch.page_count, done: batch.read });
  }
  return t("handIn.reading");
}
