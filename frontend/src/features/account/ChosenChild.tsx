import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, Navigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { may, usePerson } from "../../api/session";
import { Failed, Waiting } from "../../shell/Page";
import { childrenQuery } from "./children";

/** What is shown of one child: a guardian of several has chosen one first, a student sees it as it is. */
export function ChosenChild({ children }: { children: ReactNode }) {
  const person = usePerson();
  return may(person, "children.view") ? <OfChild>{children}</OfChild> : children;
}

function OfChild({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(childrenQuery);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  const [first, ...others] = data;
  if (!first) {
    return (
      <div className="middle">
        <Text>{t("children.none")}</Text>
      </div>
    );
  }
  const chosen = data.find((child) => child.is_chosen) ?? (others.length ? null : first);
  if (!chosen) return <Navigate to="/children" replace />;
  return (
    <>
      <div className="row" style={{ minHeight: 0, padding: "0 0 0.75rem" }}>
        <Text className="row-main">{t("home.ofChild", { name: chosen.name })}</Text>
        {others.length ? (
          <Link to="/children" className="link" style={{ padding: 0 }}>
            {t("children.change")}
          </Link>
        ) : null}
      </div>
      {children}
    </>
  );
}
