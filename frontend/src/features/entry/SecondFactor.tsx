import { Button, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { beginSession, endSession, queryClient, sessionQuery } from "../../api/session";
import { Problem } from "../../shell/Page";
import { hasPasskeys, showPasskey } from "../passkeys/passkeys";
import { PasskeyProblem } from "./ByCode";
import { CodeInput } from "./fields";

export function ShowSecondFactor() {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const show = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/session/second-factor", { body: { code } })),
    onSuccess: beginSession,
  });
  const passkey = useMutation({ mutationFn: showPasskey, onSuccess: beginSession });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        show.mutate();
      }}
    >
      <Stack>
        <h2 style={{ fontSize: "1.25rem", margin: 0 }}>{t("entry.secondFactor")}</h2>
        <Text>{t("entry.secondFactorText")}</Text>
        <CodeInput code={code} onCode={setCode} />
        <Problem error={show.error} />
        <Button type="submit" size="lg" loading={show.isPending}>
          {t("next")}
        </Button>
        {hasPasskeys() ? (
          <Button variant="light" loading={passkey.isPending} onClick={() => passkey.mutate()}>
            {t("entry.secondFactorPasskey")}
          </Button>
        ) : null}
        <PasskeyProblem error={passkey.error} />
        <LogOut />
      </Stack>
    </form>
  );
}

interface Enrolment {
  /** Once they are there, until the person has kept them. */
  codes: readonly string[] | null;
  onCodes: (codes: readonly string[] | null) => void;
}

export function EnrolSecondFactor({ codes, onCodes }: Enrolment) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const begin = useMutation({ mutationFn: () => answer(api.POST("/api/v1/me/second-factor")) });
  const confirm = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/me/second-factor/confirm", { body: { code } })),
    onSuccess: (confirmed) => {
      onCodes(confirmed.recovery_codes);
      return queryClient.invalidateQueries(sessionQuery);
    },
  });
  if (codes) {
    return (
      <Stack>
        <h2 style={{ fontSize: "1.25rem", margin: 0 }}>{t("entry.recoveryTitle")}</h2>
        <Text>{t("entry.recoveryText")}</Text>
        <ul className="card" style={{ listStyle: "none", margin: 0, fontFamily: "monospace", fontSize: "1.0625rem" }}>
          {codes.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
        <Button size="lg" onClick={() => onCodes(null)}>
          {t("entry.recoveryKept")}
        </Button>
      </Stack>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        confirm.mutate();
      }}
    >
      <Stack>
        <h2 style={{ fontSize: "1.25rem", margin: 0 }}>{t("entry.enrol")}</h2>
        <Text>{t("entry.enrolText")}</Text>
        {begin.data ? (
          <>
            <div className="card">
              <Text size="sm" c="dimmed">
                {t("entry.enrolKey")}
              </Text>
              <Text style={{ fontFamily: "monospace", wordBreak: "break-all" }}>{begin.data.secret}</Text>
              <a className="link" href={begin.data.address}>
                {t("entry.enrolOpen")}
              </a>
            </div>
            <CodeInput code={code} onCode={setCode} digits={6} />
            <Problem error={confirm.error} />
            <Button type="submit" size="lg" loading={confirm.isPending}>
              {t("next")}
            </Button>
          </>
        ) : (
          <>
            <Problem error={begin.error} />
            <Button size="lg" loading={begin.isPending} onClick={() => begin.mutate()}>
              {t("entry.enrolBegin")}
            </Button>
          </>
        )}
        <LogOut />
      </Stack>
    </form>
  );
}

function LogOut() {
  const { t } = useTranslation();
  const logOut = useMutation({ mutationFn: () => api.DELETE("/api/v1/session"), onSuccess: endSession });
  return (
    <button type="button" className="link" onClick={() => logOut.mutate()}>
      {t("account.logOut")}
    </button>
  );
}
