import { Button, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { answer, api, type Schemas } from "../../api/client";
import { queryClient } from "../../api/session";
import { Problem } from "../../shell/Page";

const MAX_NOTE = 300;
const MAX_NUMBER = 20;

type Props = {
  examId: number;
  page: number;
  label: string;
  /** The answer in question; without it a note says all. */
  of?: Schemas["OwnPageAnswer"] | undefined;
  onDone: () => void;
};

/** Says what was read wrong: what one had marked, and a few words. */
export function ObjectionForm({ examId, page, label, of, onDone }: Props) {
  const { t } = useTranslation();
  const id = useId();
  const [values, setValues] = useState<string[] | null>(null);
  const [note, setNote] = useState("");
  const { mutate, error, isPending } = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/v1/me/results/{exam_id}/objections", {
          params: { path: { exam_id: examId } },
          body: { page, label, values: of ? values : null, note },
        }),
      ),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["results", examId] });
      onDone();
    },
  });
  const send = (event: FormEvent) => {
    event.preventDefault();
    mutate();
  };
  const isReady = of ? values !== null : note.trim() !== "";
  return (
    <form onSubmit={send} className="objection">
      {of ? <Marked of={of} values={values} onChange={setValues} name={id} /> : null}
      <label htmlFor={`${id}-note`}>{t(of ? "objections.note" : "objections.what")}</label>
      <textarea
        id={`${id}-note`}
        className="select"
        rows={2}
        maxLength={MAX_NOTE}
        value={note}
        onChange={(event) => setNote(event.target.value)}
      />
      <Text size="sm" c="dimmed">
        {t("objections.then")}
      </Text>
      <Problem error={error} />
      <Button type="submit" fullWidth disabled={!isReady} loading={isPending}>
        {t("objections.send")}
      </Button>
    </form>
  );
}

type MarkedProps = {
  of: Schemas["OwnPageAnswer"];
  values: string[] | null;
  onChange: (values: string[] | null) => void;
  name: string;
};

function Marked({ of, values, onChange, name }: MarkedProps) {
  const { t } = useTranslation();
  const choose = (choice: string): void => {
    if (!of.has_several) return onChange([choice]);
    const others = (values ?? []).filter((one) => one !== choice);
    const chosen = values?.includes(choice) ? others : [...others, choice];
    onChange(chosen.length ? of.choices.filter((one) => chosen.includes(one)) : null);
  };
  return (
    <fieldset className="choices">
      <legend>{t("objections.marked")}</legend>
      {of.choices.map((choice) => (
        <label className="choice" key={choice}>
          <input
            type={of.has_several ? "checkbox" : "radio"}
            name={name}
            checked={values?.includes(choice) ?? false}
            onChange={() => choose(choice)}
          />
          <span>{choice}</span>
        </label>
      ))}
      {of.choices.length ? null : (
        <input
          className="select"
          aria-label={t("objections.number")}
          placeholder={t("objections.number")}
          maxLength={MAX_NUMBER}
          autoComplete="off"
          value={values?.[0] ?? ""}
          onChange={({ target }) => onChange(target.value.trim() ? [target.value.trim()] : null)}
        />
      )}
      <label className="choice">
        <input
          type={of.has_several ? "checkbox" : "radio"}
          name={name}
          checked={values?.length === 0}
          onChange={() => onChange([])}
        />
        <span>{t("objections.blank")}</span>
      </label>
    </fieldset>
  );
}
