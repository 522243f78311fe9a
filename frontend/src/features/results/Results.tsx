import { Button, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { Failed, Waiting } from "../../shell/Page";
import { ChosenChild } from "../account/ChosenChild";
import { History } from "./History";
import { resultsQuery } from "./queries";
import { ResultRow } from "./ResultRow";

export function Results() {
  const { t } = useTranslation();
  return (
    <main className="page">
      <h1 style={{ fontSize: "1.5rem", margin: "0.25rem 0 0.75rem" }}>{t("results.title")}</h1>
      <ChosenChild>
        <List />
      </ChosenChild>
    </main>
  );
}

function List() {
  const { t } = useTranslation();
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(resultsQuery);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Waiting />;
  const results = data.pages.flatMap((page) => page.results);
  if (!results.length) {
    return (
      <div className="middle">
        <Text fw={600}>{t("results.none")}</Text>
        <Text c="dimmed">{t("results.noneText")}</Text>
      </div>
    );
  }
  return (
    <>
      <History results={results} />
      <div className="card">
        {results.map((result) => (
          <ResultRow key={result.id} result={result} />
        ))}
      </div>
      {hasNextPage ? (
        <Button fullWidth variant="light" mt="md" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("results.more")}
        </Button>
      ) : null}
    </>
  );
}
