import { Button, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api } from "../../api/client";
import { endSession, may, usePerson } from "../../api/session";
import { phoneNumber } from "../../api/times";
import { LANGUAGES, type Language, speak } from "../../i18n";
import { ChevronIcon } from "../../shell/icons";
import { Problem } from "../../shell/Page";
import { hasPasskeys } from "../passkeys/passkeys";

export function Account() {
  const { t, i18n } = useTranslation();
  const person = usePerson();
  const logOut = useMutation({ mutationFn: () => api.DELETE("/api/v1/session"), onSuccess: endSession });
  if (!person) return null;
  return (
    <main className="page">
      <h1 style={{ fontSize: "1.5rem", margin: "0.25rem 0 0.75rem" }}>{t("account.title")}</h1>
      <Stack>
        <section className="card">
          <Text fw={700} size="lg">
            {person.name}
          </Text>
          <Text c="dimmed">
            {t(`account.role.${person.role}`)} · {phoneNumber(person.phone)}
          </Text>
        </section>
        <nav className="card">
          {may(person, "children.view") ? <Entry to="/children" label={t("account.child")} /> : null}
          <Entry to="/account/password" label={t(person.has_password ? "account.passwordChange" : "account.passwordSet")} />
          <Entry to="/account/phone" label={t("account.phone")} />
          {hasPasskeys() ? <Entry to="/account/passkeys" label={t("account.passkeys")} /> : null}
          <Entry to="/account/notices" label={t("notices.title")} />
          <Entry to="/account/sessions" label={t("account.sessions")} />
        </nav>
        <section className="card">
          <label className="row">
            <span className="row-main">{t("language")}</span>
            <select
              className="language"
              value={i18n.language}
              onChange={(event) => speak(event.currentTarget.value as Language)}
            >
              {Object.entries(LANGUAGES).map(([language, name]) => (
                <option key={language} value={language}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </section>
        <Problem error={logOut.error} />
        <Button variant="light" size="md" loading={logOut.isPending} onClick={() => logOut.mutate()}>
          {t("account.logOut")}
        </Button>
      </Stack>
    </main>
  );
}

function Entry({ to, label }: { to: string; label: string }) {
  return (
    <Link to={to} className="row">
      <span className="row-main">{label}</span>
      <ChevronIcon className="chevron" />
    </Link>
  );
}
