import { Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { day, points } from "../../api/times";
import { ChevronIcon } from "../../shell/icons";

export function ResultRow({ result }: { result: Schemas["OwnResult"] }) {
  const { t, i18n } = useTranslation();
  return (
    <Link to="/results/$examId" params={{ examId: String(result.id) }} className="row">
      <span className="row-main">
        <Text component="span" display="block" fw={600}>
          {result.title}
        </Text>
        <Text component="span" display="block" size="sm" c="dimmed">
          {t("results.readOn", { date: day(result.read_at, i18n.language) })}
        </Text>
      </span>
      <span style={{ textAlign: "end" }}>
        <span className="points">{t("results.points", { points: points(result.points) })}</span>
        <Text component="span" display="block" size="sm" c="dimmed">
          {t("results.of", { max: points(result.max_points) })}
        </Text>
      </span>
      <ChevronIcon className="chevron" />
    </Link>
  );
}
