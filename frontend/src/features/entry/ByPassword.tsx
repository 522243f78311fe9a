import { Button, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { beginSession } from "../../api/session";
import { Problem } from "../../shell/Page";
import type { WayProps } from "./ByCode";
import { Password, PhoneInput } from "./fields";

export function ByPassword({ phone, onPhone, onWay }: WayProps) {
  const { t } = useTranslation();
  const [password, setPassword] = useState("");
  const logIn = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session", { body: { phone, password } })),
    onSuccess: beginSession,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        logIn.mutate();
      }}
    >
      <Stack>
        <PhoneInput phone={phone} onPhone={onPhone} />
        <Password label={t("entry.password")} value={password} onValue={setPassword} />
        <Problem error={logIn.error} />
        <Button type="submit" size="lg" loading={logIn.isPending}>
          {t("entry.logIn")}
        </Button>
        <Button variant="light" size="md" onClick={() => onWay("code")}>
          {t("entry.withCodeInstead")}
        </Button>
        <button type="button" className="link" onClick={() => onWay("reset")}>
          {t("entry.forgot")}
        </button>
      </Stack>
    </form>
  );
}
