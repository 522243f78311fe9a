/** Korean unless the reader chose, or their browser asks for, English. */
import i18n from "i18next";
import { initReactI18next } from "react-i18next";

import en from "./en";
import ko from "./ko";

export const LANGUAGES = { ko: "한국어", en: "English" } as const;
export type Language = keyof typeof LANGUAGES;

const REMEMBERED = "language";

function firstLanguage(): Language {
  const remembered = globalThis.localStorage?.getItem(REMEMBERED);
  if (remembered === "ko" || remembered === "en") return remembered;
  return globalThis.navigator?.language?.startsWith("en") ? "en" : "ko";
}

export function speak(language: Language): void {
  localStorage.setItem(REMEMBERED, language);
  void i18n.changeLanguage(language);
}

/** What is chosen in one tab holds in all of them. */
globalThis.addEventListener?.("storage", ({ key, newValue }) => {
  if (key === REMEMBERED && (newValue === "ko" || newValue === "en")) void i18n.changeLanguage(newValue);
});

i18n.on("languageChanged", (language) => {
  if (globalThis.document) document.documentElement.lang = language;
});

void i18n.use(initReactI18next).init({
  resources: { ko: { translation: ko }, en: { translation: en } },
  lng: firstLanguage(),
  fallbackLng: "ko",
  interpolation: { escapeValue: false },
  initAsync: false,
  showSupportNotice: false,
});

export default i18n;
