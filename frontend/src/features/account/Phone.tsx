import { Button, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api } from "../../api/client";
import { queryClient, sessionQuery, usePerson } from "../../api/session";
import { phoneNumber } from "../../api/times";
import { Problem, SubPage } from "../../shell/Page";
import { CodeInput, Password, PhoneInput } from "../entry/fields";

/** A new phone: a code is texted there, and from then on the person is known by it. */
export function Phone() {
  const { t } = useTranslation();
  const person = usePerson();
  const [phone, setPhone] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const ask = useMutation({ mutationFn: () => answer(api.POST("/api/v1/phone", { body: { phone, password } })) });
  const verify = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/phone/verify", { body: { code } })),
    onSuccess: () => queryClient.invalidateQueries(sessionQuery),
  });
  const send = ask.data ? verify : ask;
  return (
    <SubPage title={t("account.phone")} back="/account">
      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <Stack>
          <Text c="dimmed">{t("account.phoneNow", { phone: phoneNumber(person?.phone ?? "") })}</Text>
          {verify.isSuccess ? (
            <Text role="status" className="good">
              {t("account.phoneDone")}
            </Text>
          ) : (
            <>
              {ask.data ? (
                <>
                  <Text>{t("entry.codeSent", { phone, digits: ask.data.digits })}</Text>
                  <CodeInput code={code} onCode={setCode} digits={ask.data.digits} />
                </>
              ) : (
                <>
                  <PhoneInput phone={phone} onPhone={setPhone} label={t("account.newPhone")} />
                  {person?.has_password ? (
                    <Password label={t("account.confirmPassword")} value={password} onValue={setPassword} />
                  ) : null}
                </>
              )}
              <Problem error={send.error} />
              <Button type="submit" size="md" loading={send.isPending}>
                {ask.data ? t("save") : t("entry.withCode")}
              </Button>
            </>
          )}
        </Stack>
      </form>
    </SubPage>
  );
}
