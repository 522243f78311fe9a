import { Button, Group, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Person } from "../../api/session";
import { deviceState, isUndecided, putOff, turnOn } from "./device";

/** On the home page, once: who waits for a result is asked whether to be told. */
export function Offer({ person }: { person: Person }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(() => isUndecided(person));
  const on = useMutation({ mutationFn: turnOn, onSettled: () => setOpen(false) });
  if (!isOpen) return null;
  const later = (): void => {
    putOff(person);
    setOpen(false);
  };
  const mustInstall = deviceState(person, false) === "install";
  return (
    <section className="card">
      <Text fw={600}>{t("notices.offer")}</Text>
      <Text size="sm" c="dimmed">
        {t(mustInstall ? "notices.state.install" : "notices.private")}
      </Text>
      <Group mt="sm" gap="sm">
        {mustInstall ? null : (
          <Button size="sm" loading={on.isPending} onClick={() => on.mutate(person)}>
            {t("notices.on")}
          </Button>
        )}
        <Button size="sm" variant="subtle" onClick={later}>
          {t("later")}
        </Button>
      </Group>
    </section>
  );
}
