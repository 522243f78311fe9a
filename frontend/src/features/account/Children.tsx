import { Badge, Stack, Text, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../../api/client";
import { ChevronIcon } from "../../shell/icons";
import { Failed, Problem, SubPage, Waiting } from "../../shell/Page";
import { childrenQuery, consentQuery, useChooseChild } from "./children";

export function Children() {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(childrenQuery);
  return (
    <SubPage title={t("children.title")} back="/">
      {data ? <List list={data} /> : error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />}
    </SubPage>
  );
}

function List({ list }: { list: readonly Schemas["Child"][] }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const choose = useChooseChild();
  if (!list.length) return <Text>{t("children.none")}</Text>;
  return (
    <Stack>
      <Text>{t("children.text")}</Text>
      <Problem error={choose.error} />
      {list.map((child) => (
        <div className="card" key={child.id}>
          <UnstyledButton
            className="row"
            onClick={() => choose.mutate(child.id, { onSuccess: () => void navigate({ to: "/" }) })}
          >
            <span className="row-main">
              <Text component="span" display="block" fw={600} size="lg">
                {child.name}
              </Text>
              <Text component="span" display="block" size="sm" c="dimmed">
                {t("children.number", { number: child.number })}
              </Text>
            </span>
            {child.is_chosen ? <Badge variant="light">{t("children.chosen")}</Badge> : null}
            <ChevronIcon className="chevron" />
          </UnstyledButton>
          <ConsentLink studentId={child.id} />
        </div>
      ))}
    </Stack>
  );
}

function ConsentLink({ studentId }: { studentId: number }) {
  const { t } = useTranslation();
  const { data } = useQuery(consentQuery(studentId));
  if (!data || (!data.needs_consent && !data.has_consent)) return null;
  return (
    <Link to="/children/$studentId/consent" params={{ studentId: String(studentId) }} className="row">
      <span className={data.has_consent ? "row-main good" : "row-main warning"}>
        {t(data.has_consent ? "children.consentGiven" : "children.consentDue")}
      </span>
      <span className="link">{t("children.showConsent")}</span>
    </Link>
  );
}
