import { Button, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { Problem } from "../../shell/Page";
import type { WayProps } from "./ByCode";
import { CodeInput, Password, PhoneInput } from "./fields";

export function ResetPassword({ phone, onPhone, onWay }: WayProps) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const [password, setPassword] = useState("");
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/password/reset/code", { body: { phone } })),
  });
  const reset = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/password/reset", { body: { code, password } })),
  });
  if (reset.isSuccess) {
    return (
      <Stack>
        <Text>{t("entry.resetDone")}</Text>
        <Button size="lg" onClick={() => onWay("password")}>
          {t("entry.withPassword")}
        </Button>
      </Stack>
    );
  }
  const send = ask.data ? reset : ask;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send.mutate();
      }}
    >
      <Stack>
        {ask.data ? (
          <>
            <Text>{t("entry.codeSent", { phone, digits: ask.data.digits })}</Text>
            <CodeInput code={code} onCode={setCode} digits={ask.data.digits} />
            <Password label={t("entry.newPassword")} value={password} onValue={setPassword} isNew />
          </>
        ) : (
          <PhoneInput phone={phone} onPhone={onPhone} />
        )}
        <Problem error={send.error} />
        <Button type="submit" size="lg" loading={send.isPending}>
          {ask.data ? t("entry.reset") : t("entry.withCode")}
        </Button>
        <button type="button" className="link" onClick={() => onWay("password")}>
          {t("back")}
        </button>
      </Stack>
    </form>
  );
}
