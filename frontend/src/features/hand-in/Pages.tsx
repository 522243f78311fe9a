import { ActionIcon, Button, Group, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ChangeEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { CameraIcon, DownIcon, RemoveIcon, RotateIcon, UpIcon } from "../../shell/icons";
import { closePage, NotAPicture, openPage, type Page, type Sendable, sendable, TooLarge } from "./picture";
import type { Subject } from "./quality";

const KINDS = "image/jpeg,image/png,image/heic,image/heif,application/pdf,.heic,.heif";

interface Props {
  subject: Subject;
  tips: string;
  /** So many files are handed in at once. */
  atMost?: number;
  /** Keeps what is to be sent, in this order. */
  onSend: (files: readonly Sendable[]) => Promise<void>;
}

/** Pages by camera or from files, looked at before they are sent, turned and put in order. */
export function Pages({ subject, tips, atMost = Infinity, onSend }: Props) {
  const { t } = useTranslation();
  const [pages, setPages] = useState<readonly Page[]>([]);
  const [problem, setProblem] = useState("");
  const [isLooking, setLooking] = useState(false);
  const camera = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const shown = useRef(pages);
  shown.current = pages;
  useEffect(() => () => shown.current.forEach(closePage), []);

  const send = useMutation({
    networkMode: "always", // what is kept here needs no network
    mutationFn: async () => {
      const ready: Sendable[] = [];
      for (const page of pages) ready.push(await sendable(page));
      await onSend(ready);
    },
    onSuccess: () => {
      pages.forEach(closePage);
      setPages([]);
    },
    onError: (error) => setProblem(t(error instanceof NotAPicture ? "handIn.unreadableFile" : "handIn.full")),
  });

  const take = async (event: ChangeEvent<HTMLInputElement>): Promise<void> => {
    const chosen = [...(event.currentTarget.files ?? [])];
    event.currentTarget.value = ""; // so that the same file may be chosen again
    setProblem("");
    setLooking(true);
    for (const file of chosen) {
      try {
        const page = await openPage(file, subject);
        setPages((before) => [...before, page]);
      } catch (error) {
        setProblem(t(error instanceof TooLarge ? "handIn.tooLarge" : "handIn.unreadableFile"));
      }
    }
    setLooking(false);
  };

  const change = (id: string, to: (page: Page) => Page): void =>
    setPages((before) => before.map((page) => (page.id === id ? to(page) : page)));
  const remove = (page: Page): void => {
    closePage(page);
    setPages((before) => before.filter(({ id }) => id !== page.id));
  };
  const move = (index: number, by: number): void =>
    setPages((before) => {
      const after = [...before];
      const [page] = after.splice(index, 1);
      if (page) after.splice(index + by, 0, page);
      return after;
    });

  const tooMany = pages.length > atMost;
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {tips}
      </Text>
      <Button size="lg" leftSection={<CameraIcon className="chevron-in" />} onClick={() => camera.current?.click()}>
        {t("handIn.camera")}
      </Button>
      <Button size="md" variant="light" onClick={() => files.current?.click()}>
        {t("handIn.files")}
      </Button>
      <input
        ref={camera}
        className="hidden-file"
        type="file"
        accept="image/*"
        capture="environment"
        tabIndex={-1}
        aria-label={t("handIn.camera")}
        onChange={(event) => void take(event)}
      />
      <input
        ref={files}
        className="hidden-file"
        type="file"
        accept={KINDS}
        multiple
        tabIndex={-1}
        aria-label={t("handIn.files")}
        onChange={(event) => void take(event)}
      />
      {pages.map((page, index) => (
        <PageRow
          key={page.id}
          page={page}
          onTurn={() => change(page.id, (one) => ({ ...one, quarterTurns: (one.quarterTurns + 1) % 4 }))}
          onRemove={() => remove(page)}
          {...(index > 0 ? { onUp: () => move(index, -1) } : {})}
          {...(index < pages.length - 1 ? { onDown: () => move(index, 1) } : {})}
        />
      ))}
      {isLooking ? <Text role="status">{t("handIn.checking")}</Text> : null}
      {tooMany ? (
        <Text role="alert" className="error">
          {t("handIn.tooMany", { count: atMost })}
        </Text>
      ) : null}
      {problem ? (
        <Text role="alert" className="error">
          {problem}
        </Text>
      ) : null}
      {pages.length ? (
        <Button size="lg" loading={send.isPending} disabled={isLooking || tooMany} onClick={() => send.mutate()}>
          {t("handIn.send", { count: pages.length })}
        </Button>
      ) : null}
    </Stack>
  );
}

interface RowProps {
  page: Page;
  onTurn: () => void;
  onRemove: () => void;
  onUp?: () => void;
  onDown?: () => void;
}

function PageRow({ page, onTurn, onRemove, onUp, onDown }: RowProps) {
  const { t } = useTranslation();
  const turned = { transform: `rotate(${page.quarterTurns * 90}deg) scale(${page.quarterTurns % 2 ? 0.75 : 1})` };
  const texts = { dark: t("handIn.dark"), blurred: t("handIn.blurred"), corners: t("handIn.corners") };
  return (
    <div className="row">
      {page.preview ? (
        <img className="thumb" src={page.preview} alt={page.fileName} style={turned} />
      ) : (
        <span className="thumb">{page.contentType.split("/")[1]?.toUpperCase()}</span>
      )}
      <div className="row-main">
        <Text truncate size="sm">
          {page.fileName}
        </Text>
        {page.preview === null ? (
          <Text size="sm" c="dimmed">
            {t("handIn.noPreview")}
          </Text>
        ) : page.warnings.length ? (
          page.warnings.map((warning) => (
            <div key={warning} className="warning">
              {texts[warning]}
            </div>
          ))
        ) : (
          <div className="good">{t("handIn.good")}</div>
        )}
        <Group gap={4} mt={4}>
          {page.preview ? <Tool label={t("handIn.rotate")} icon={RotateIcon} onClick={onTurn} /> : null}
          {onUp ? <Tool label={t("handIn.up")} icon={UpIcon} onClick={onUp} /> : null}
          {onDown ? <Tool label={t("handIn.down")} icon={DownIcon} onClick={onDown} /> : null}
          <Tool label={t("handIn.remove")} icon={RemoveIcon} onClick={onRemove} />
        </Group>
      </div>
    </div>
  );
}

function Tool({ label, icon: Icon, onClick }: { label: string; icon: typeof UpIcon; onClick: () => void }) {
  return (
    <ActionIcon variant="light" size={40} aria-label={label} onClick={onClick}>
      <Icon className="tool-icon" />
    </ActionIcon>
  );
}
