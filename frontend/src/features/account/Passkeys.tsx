import { Button, Stack, Text } from "@mantine/core";
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { queryClient, sessionQuery, usePerson } from "../../api/session";
import { day } from "../../api/times";
import { Failed, SubPage, Waiting } from "../../shell/Page";
import { PasskeyProblem } from "../entry/ByCode";
import { Password } from "../entry/fields";
import { EnrolSecondFactor } from "../entry/SecondFactor";
import { addPasskey } from "../passkeys/passkeys";
import { deviceOf } from "./devices";

const passkeysQuery = queryOptions({
  queryKey: ["passkeys"],
  queryFn: () => answer(api.GET("/api/v1/me/passkeys")),
});

export function Passkeys() {
  const { t, i18n } = useTranslation();
  const person = usePerson();
  const [password, setPassword] = useState("");
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const { data, error, refetch } = useQuery(passkeysQuery);
  const refresh = async (): Promise<void> => {
    setPassword("");
    await Promise.all([queryClient.invalidateQueries(passkeysQuery), queryClient.invalidateQueries(sessionQuery)]);
  };
  const add = useMutation({
    mutationFn: () => addPasskey(deviceOf(navigator.userAgent), password),
    onSuccess: (added) => {
      if (added.recovery_codes.length) setCodes(added.recovery_codes);
      return refresh();
    },
  });
  const remove = useMutation({
    mutationFn: (id: number) =>
      api.DELETE("/api/v1/me/passkeys/{passkey_id}", {
        params: { path: { passkey_id: id } },
        body: { password } as never, // OpenAPI 3.0 knows no body of DELETE, so that the schema cannot tell of it
      }),
    onSuccess: refresh,
  });
  if (codes) {
    return (
      <main className="page">
        <EnrolSecondFactor codes={codes} onCodes={setCodes} />
      </main>
    );
  }
  return (
    <SubPage title={t("account.passkeys")} back="/account">
      {data ? (
        <Stack>
          <Text>{t("account.passkeysText")}</Text>
          {person?.has_password ? (
            <Password label={t("account.confirmPassword")} value={password} onValue={setPassword} />
          ) : null}
          <div className="card">
            {data.length ? null : <Text c="dimmed">{t("account.passkeyNone")}</Text>}
            {data.map((passkey) => (
              <div className="row" key={passkey.id}>
                <span className="row-main">
                  <Text component="span" display="block" fw={600}>
                    {passkey.name}
                  </Text>
                  <Text component="span" display="block" size="sm" c="dimmed">
                    {day(passkey.created_at, i18n.language)}
                  </Text>
                </span>
                <Button variant="light" color="red" size="sm" onClick={() => remove.mutate(passkey.id)}>
                  {t("account.passkeyRemove")}
                </Button>
              </div>
            ))}
          </div>
          <PasskeyProblem error={add.error ?? remove.error} />
          <Button size="md" loading={add.isPending} onClick={() => add.mutate()}>
            {t("account.passkeyAdd")}
          </Button>
        </Stack>
      ) : error ? (
        <Failed error={error} again={() => void refetch()} />
      ) : (
        <Waiting />
      )}
    </SubPage>
  );
}
