import { Button, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { queryClient, sessionQuery, usePerson } from "../../api/session";
import { Problem, SubPage } from "../../shell/Page";
import { Password as Field } from "../entry/fields";

export function Password() {
  const { t } = useTranslation();
  const hadPassword = usePerson()?.has_password ?? false;
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const change = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/password", { body: { old_password: old, password: fresh } })),
    onSuccess: () => {
      setOld("");
      setFresh("");
      return queryClient.invalidateQueries(sessionQuery);
    },
  });
  return (
    <SubPage title={t("account.password")} back="/account">
      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <Stack>
          {hadPassword ? <Field label={t("account.oldPassword")} value={old} onValue={setOld} /> : null}
          <Field label={t("entry.newPassword")} value={fresh} onValue={setFresh} isNew />
          <Problem error={change.error} />
          {change.isSuccess ? (
            <Text role="status" className="good">
              {t("account.passwordDone")}
            </Text>
          ) : null}
          <Button type="submit" size="md" loading={change.isPending}>
            {t("save")}
          </Button>
        </Stack>
      </form>
    </SubPage>
  );
}
