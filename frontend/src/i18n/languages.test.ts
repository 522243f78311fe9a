import { expect, test } from "vitest";

import en from "./en";
import ko from "./ko";

type Words = { [key: string]: string | Words };

function sentences(words: Words, prefix = ""): [string, string][] {
  return Object.entries(words).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value] as [string, string]] : sentences(value, `${prefix}${key}.`),
  );
}

const english = new Map(sentences(en));
const korean = new Map(sentences(ko));

test("English is English, and Korean is Korean", () => {
  expect([...english].filter(([, words]) => /[ㄱ-ㆎ가-힣]/.test(words))).toEqual([]);
  const isKorean = (words: string): boolean => /[가-힣]/.test(words.replaceAll(/\{\{\w+\}\}/g, ""));
  expect([...korean].filter(([, words]) => !isKorean(words) && /[a-z]{2}/i.test(words.replaceAll(/\{\{\w+\}\}/g, "")))).toEqual([]);
});

test("a sentence tells the same in both", () => {
  const told = (words = ""): string[] => (words.match(/\{\{\w+\}\}/g) ?? []).sort();
  expect([...english.keys()]).toEqual([...korean.keys()]);
  for (const [key, words] of english) expect(told(words), key).toEqual(told(korean.get(key)));
});
