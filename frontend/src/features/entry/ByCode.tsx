import { Button, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { beginSession } from "../../api/session";
import { Problem } from "../../shell/Page";
import { hasPasskeys, logInByPasskey } from "../passkeys/passkeys";
import { CodeInput, PhoneInput } from "./fields";
import type { Way } from "./LogIn";

export interface WayProps {
  phone: string;
  onPhone: (phone: string) => void;
  onWay: (way: Way) => void;
}

export function ByCode({ phone, onPhone, onWay }: WayProps) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const ask = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session/code", { body: { phone } })),
    onSuccess: () => setCode(""),
  });
  const verify = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session/code/verify", { body: { code } })),
    onSuccess: beginSession,
  });
  const passkey = useMutation({ mutationFn: logInByPasskey, onSuccess: beginSession });

  if (ask.data) {
    return (
      <form
        onSubmit={(event) => {
          event.preventDefault();
          verify.mutate();
        }}
      >
        <Stack>
          <Text>{t("entry.codeSent", { phone, digits: ask.data.digits })}</Text>
          <CodeInput code={code} onCode={setCode} digits={ask.data.digits} />
          <Problem error={verify.error ?? ask.error} />
          <Button type="submit" size="lg" loading={verify.isPending} disabled={code.length < ask.data.digits}>
            {t("entry.logIn")}
          </Button>
          <Text size="sm" c="dimmed">
            {t("entry.codeNote")}
          </Text>
          <Button variant="light" loading={ask.isPending} onClick={() => ask.mutate()}>
            {t("entry.codeAgain")}
          </Button>
          <button type="button" className="link" onClick={() => ask.reset()}>
            {t("entry.otherPhone")}
          </button>
        </Stack>
      </form>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        ask.mutate();
      }}
    >
      <Stack>
        <PhoneInput phone={phone} onPhone={onPhone} />
        <Problem error={ask.error} />
        <Button type="submit" size="lg" loading={ask.isPending}>
          {t("entry.withCode")}
        </Button>
        <Button variant="light" size="md" onClick={() => onWay("password")}>
          {t("entry.withPassword")}
        </Button>
        {hasPasskeys() ? (
          <Button variant="subtle" size="md" loading={passkey.isPending} onClick={() => passkey.mutate()}>
            {t("entry.withPasskey")}
          </Button>
        ) : null}
        <PasskeyProblem error={passkey.error} />
      </Stack>
    </form>
  );
}

/** A browser says nothing of use when a person turns away from its window. */
export function PasskeyProblem({ error }: { error: unknown }) {
  const { t } = useTranslation();
  if (error instanceof DOMException) {
    return (
      <Text role="alert" className="error">
        {t("entry.passkeyStopped")}
      </Text>
    );
  }
  return <Problem error={error} />;
}
