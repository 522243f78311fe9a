import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Workbox } from "workbox-window";

import { useSending } from "./sending";

const ASK_AGAIN_MS = 60 * 60 * 1000;

/** A new version waits until somebody asks for it, and never interrupts what is being sent. */
export function UpdatePrompt() {
  const { t } = useTranslation();
  const [waiting, setWaiting] = useState<Workbox | null>(null);
  const isSending = useSending();
  const router = useRouter();

  useEffect(() => {
    if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
    const workbox = new Workbox("/sw.js");
    workbox.addEventListener("waiting", () => setWaiting(workbox));
    void workbox.register().catch(() => null); // e.g. a browser that forbids it: the app works without
    const timer = setInterval(() => void workbox.update().catch(() => null), ASK_AGAIN_MS);
    return () => clearInterval(timer);
  }, []);

  useEffect(() => {
    // A notice was tapped while the app is open (public/notices.js).
    const open = ({ data }: MessageEvent<{ open?: unknown }>): void => {
      if (typeof data?.open === "string") router.history.push(data.open);
    };
    navigator.serviceWorker?.addEventListener("message", open);
    return () => navigator.serviceWorker?.removeEventListener("message", open);
  }, [router]);

  if (!waiting) return null;
  const update = (): void => {
    waiting.addEventListener("controlling", () => window.location.reload());
    waiting.messageSkipWaiting();
  };
  return (
    <div className="notice" role="status">
      {isSending ? t("update.busy") : t("update.ready")}
      {isSending ? null : (
        <button type="button" className="notice-button" onClick={update}>
          {t("update.now")}
        </button>
      )}
    </div>
  );
}
