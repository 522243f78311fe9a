import { Button, Loader, Text } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "@tanstack/react-router";

import { Refused } from "../api/client";
import { BackIcon } from "./icons";

/** What a person is told: the API's own words, or that there is no connection. */
export function useProblem(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => (error instanceof Refused ? error.message : t("unreachable"));
}

export function Problem({ error }: { error: unknown }) {
  const problem = useProblem();
  return error ? (
    <Text role="alert" className="error">
      {problem(error)}
    </Text>
  ) : null;
}

export function Waiting() {
  const { t } = useTranslation();
  const isOnline = useOnline();
  return (
    <div className="middle" role="status">
      {isOnline ? <Loader /> : null}
      <span>{t(isOnline ? "loading" : "whenOnline")}</span>
    </div>
  );
}

/** Instead of a page that could not be loaded. */
export function Failed({ error, again }: { error: unknown; again: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="middle">
      <Problem error={error} />
      <Button variant="light" onClick={again}>
        {t("again")}
      </Button>
    </div>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <div className="middle">
      <Text>{t("notFound")}</Text>
      <Link to="/" className="link">
        {t("tabs.home")}
      </Link>
    </div>
  );
}

/** A page below a tab, with its way back. */
export function SubPage({ title, back, children }: { title: string; back: string; children: ReactNode }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  return (
    <>
      <header className="bar">
        <Button
          variant="subtle"
          px="xs"
          ml="-0.75rem"
          aria-label={t("back")}
          onClick={() => void navigate({ to: back })}
          leftSection={<BackIcon className="chevron" />}
        >
          {t("back")}
        </Button>
        <h1 className="bar-name" style={{ fontSize: "1.0625rem", margin: 0 }}>
          {title}
        </h1>
      </header>
      <main className="page">{children}</main>
    </>
  );
}

export function useOnline(): boolean {
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = (): void => setOnline(navigator.onLine);
    window.addEventListener("online", look);
    window.addEventListener("offline", look);
    return () => {
      window.removeEventListener("online", look);
      window.removeEventListener("offline", look);
    };
  }, []);
  return isOnline;
}
