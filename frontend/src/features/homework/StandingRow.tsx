import { Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { moment } from "../../api/times";
import { ChevronIcon } from "../../shell/icons";
import { type Standing, type Status, statusOf } from "./standing";

export function StandingRow({ standing }: { standing: Standing }) {
  const { t, i18n } = useTranslation();
  return (
    <Link to="/homework/$assignmentId" params={{ assignmentId: String(standing.assignment) }} className="row">
      <span className="row-main">
        <Text component="span" display="block" fw={600}>
          {standing.title}
        </Text>
        <Text component="span" display="block" size="sm" c="dimmed">
          {t("homework.until", { date: moment(standing.due_at, i18n.language) })}
        </Text>
        <State standing={standing} />
      </span>
      <ChevronIcon className="chevron" />
    </Link>
  );
}

const LOOKS: Readonly<Record<Status, string>> = {
  due: "",
  overdue: "warning",
  reading: "",
  failed: "error",
  cancelled: "warning",
  partly: "warning",
  read: "good",
};

/** How far it is, and why it failed. */
export function State({ standing }: { standing: Standing }) {
  const { t } = useTranslation();
  const status = statusOf(standing, Date.now());
  const counts = standing.submission?.counts;
  return (
    <Text component="span" display="block" size="sm" className={LOOKS[status]}>
      {t(`homework.status.${status}`)}
      {status === "failed" ? `: ${standing.submission?.error}` : ""}
      {counts?.problems ? ` · ${t("homework.done", { done: counts.attempted, count: counts.problems })}` : ""}
      {standing.is_late ? ` · ${t("homework.late")}` : ""}
    </Text>
  );
}
