import { Badge, Button, Stack, Text } from "@mantine/core";
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { queryClient } from "../../api/session";
import { moment } from "../../api/times";
import { Failed, Problem, SubPage, Waiting } from "../../shell/Page";
import { deviceOf } from "./devices";

const sessionsQuery = queryOptions({
  queryKey: ["own-sessions"],
  queryFn: () => answer(api.GET("/api/v1/me/sessions")),
  staleTime: 0,
});

export function Sessions() {
  const { t, i18n } = useTranslation();
  const { data, error, refetch } = useQuery(sessionsQuery);
  const refresh = (): Promise<void> => queryClient.invalidateQueries(sessionsQuery);
  const end = useMutation({
    mutationFn: (handle: string) => api.DELETE("/api/v1/me/sessions/{handle}", { params: { path: { handle } } }),
    onSuccess: refresh,
  });
  const endOthers = useMutation({ mutationFn: () => api.DELETE("/api/v1/me/sessions"), onSuccess: refresh });
  return (
    <SubPage title={t("account.sessions")} back="/account">
      {data ? (
        <Stack>
          <div className="card">
            {data.map((session) => (
              <div className="row" key={session.id}>
                <span className="row-main">
                  <Text component="span" display="block" fw={600}>
                    {deviceOf(session.user_agent)}
                  </Text>
                  <Text component="span" display="block" size="sm" c="dimmed">
                    {t("account.seen", { date: moment(session.last_seen_at, i18n.language) })}
                  </Text>
                  <Text component="span" display="block" size="sm" c="dimmed">
                    {session.address}
                  </Text>
                </span>
                {session.is_current ? (
                  <Badge variant="light">{t("account.thisOne")}</Badge>
                ) : (
                  <Button variant="light" size="sm" loading={end.isPending} onClick={() => end.mutate(session.id)}>
                    {t("account.signOutThere")}
                  </Button>
                )}
              </div>
            ))}
          </div>
          <Problem error={end.error ?? endOthers.error} />
          {endOthers.isSuccess ? (
            <Text role="status" className="good">
              {t("account.signOutElsewhereDone")}
            </Text>
          ) : null}
          {data.length > 1 ? (
            <Button variant="light" color="red" loading={endOthers.isPending} onClick={() => endOthers.mutate()}>
              {t("account.signOutElsewhere")}
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
