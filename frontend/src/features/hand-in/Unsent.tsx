import { Button, Group, Progress, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { forget, sendAgain, useProgress } from "./sender";
import type { Item } from "./store";

/** How far it is, or why it was refused and what to do then; nothing of what the academy has. */
export function Unsent({ item }: { item: Item }) {
  if (item.state === "waiting") return <WaitingItem item={item} />;
  return item.state === "refused" ? <RefusedItem item={item} /> : null;
}

function WaitingItem({ item }: { item: Item }) {
  const { t } = useTranslation();
  const progress = useProgress();
  if (progress?.itemId !== item.id) {
    return (
      <>
        <Text className="warning">{t("handIn.waiting")}</Text>
        <Text size="sm" c="dimmed">
          {t("handIn.waitingText")}
        </Text>
        <Discard item={item} />
      </>
    );
  }
  if (progress.share === null) return <Text size="sm">{t("handIn.submitting")}</Text>;
  const percent = Math.round(100 * progress.share);
  return (
    <>
      <Text size="sm">{t("handIn.sending", { percent })}</Text>
      <Progress value={percent} aria-label={t("handIn.sending", { percent })} />
      <Discard item={item} />
    </>
  );
}

/** A film takes long, and may cost: one may think better of it. */
function Discard({ item }: { item: Item }) {
  const { t } = useTranslation();
  if (item.target.kind !== "film") return null;
  return (
    <Button size="sm" variant="subtle" px={0} onClick={() => void forget(item)}>
      {t("films.discard")}
    </Button>
  );
}

function RefusedItem({ item }: { item: Item }) {
  const { t } = useTranslation();
  return (
    <>
      <Text className="error">
        {t("handIn.refused")}: {item.problem}
      </Text>
      <Group gap="xs" mt={4}>
        <Button size="sm" variant="light" onClick={() => void sendAgain(item)}>
          {t("handIn.retry")}
        </Button>
        <Button size="sm" variant="subtle" onClick={() => void forget(item)}>
          {t("handIn.dismiss")}
        </Button>
      </Group>
    </>
  );
}
