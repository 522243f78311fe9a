import { Button, Stack, Text } from "@mantine/core";
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { queryClient, usePerson } from "../../api/session";
import { Failed, Problem, SubPage, Waiting } from "../../shell/Page";
import { deviceState, turnOff, turnOn } from "./device";

const noticesQuery = queryOptions({
  queryKey: ["notices"],
  queryFn: () => answer(api.GET("/api/v1/me/notices")),
  staleTime: 0,
});

/** Among one's own settings: whether this device shows notices, and the switch. */
export function Notices() {
  const { t } = useTranslation();
  const person = usePerson();
  const { data, error, refetch } = useQuery(noticesQuery);
  const refresh = (): Promise<void> => queryClient.invalidateQueries(noticesQuery);
  const on = useMutation({ mutationFn: turnOn, onSettled: refresh });
  const off = useMutation({ mutationFn: turnOff, onSettled: refresh });
  if (!person) return null;
  const state = deviceState(person, data?.is_on ?? false);
  const isOn = state === "on" || state === "open";
  return (
    <SubPage title={t("notices.title")} back="/account">
      {data ? (
        <Stack>
          <Text>{t("notices.text")}</Text>
          <section className="card">
            <Text role="status" fw={600}>
              {t(`notices.state.${state}`)}
            </Text>
            <Text size="sm" c="dimmed">
              {t("notices.private")}
            </Text>
          </section>
          <Problem error={on.error ?? off.error} />
          {state === "off" ? (
            <Button size="md" loading={on.isPending} onClick={() => on.mutate(person)}>
              {t("notices.on")}
            </Button>
          ) : null}
          {isOn ? (
            <Button size="md" variant="light" loading={off.isPending} onClick={() => off.mutate(person)}>
              {t("notices.off")}
            </Button>
          ) : null}
        </Stack>
      ) : error ? (
        <Failed error={error} again={() => void refetch()} />
      ) : (
        <Waiting />
      )}
    </SubPage>
  );
}
