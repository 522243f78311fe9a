import { Button, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { queryClient, sessionQuery } from "../../api/session";
import { Problem } from "../../shell/Page";
import { Password } from "./fields";

/** After the first log-in by code: a password, so that the next one needs no text. */
export function FirstPassword({ name, onLater }: { name: string; onLater: () => void }) {
  const { t } = useTranslation();
  const [password, setPassword] = useState("");
  const set = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/password", { body: { old_password: "", password } })),
    onSuccess: () => queryClient.invalidateQueries(sessionQuery),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        set.mutate();
      }}
    >
      <Stack>
        <h2 style={{ fontSize: "1.25rem", margin: 0 }}>{t("entry.welcome", { name })}</h2>
        <Text>{t("entry.welcomeText")}</Text>
        <Password label={t("entry.newPassword")} value={password} onValue={setPassword} isNew />
        <Problem error={set.error} />
        <Button type="submit" size="lg" loading={set.isPending}>
          {t("save")}
        </Button>
        <button type="button" className="link" onClick={onLater}>
          {t("later")}
        </button>
      </Stack>
    </form>
  );
}
