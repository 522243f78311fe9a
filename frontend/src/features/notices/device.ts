/** Whether this device shows notices to its person, and turning that on and off. */
import { answer, api } from "../../api/client";
import type { Person } from "../../api/session";
import i18n from "../../i18n";

/**
 * `install`: an iPhone or iPad shows none before the app is on its home screen. `denied`: the person said no to the
 * browser, which asks nobody twice. `open`: only while the app is open; `on`: also pushed.
 */
export type DeviceState = "unsupported" | "install" | "denied" | "off" | "open" | "on";

const CHOICES = { on: "on", later: "later" } as const;
const keyOf = (person: Person): string => `notices:${person.id}`;

export function deviceState(person: Person, isPushed: boolean): DeviceState {
  if (!("Notification" in window) || !("serviceWorker" in navigator)) return isApple() ? "install" : "unsupported";
  if (Notification.permission === "denied") return "denied";
  if (!wantsNotices(person)) return "off";
  return isPushed ? "on" : "open";
}

/** Safari of a telephone has no Notification outside the home screen; that of an iPad calls itself a Mac. */
function isApple(): boolean {
  return /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Mac OS X/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
}

/** A phone is lent: one person's wish is not another's. */
export function wantsNotices(person: Person): boolean {
  const isGranted = "Notification" in window && Notification.permission === "granted";
  return isGranted && localStorage.getItem(keyOf(person)) === CHOICES.on;
}

/** Whether to offer it: they could have it, and have neither taken nor put it off. */
export function isUndecided(person: Person): boolean {
  const state = deviceState(person, false);
  return (state === "off" || state === "install") && localStorage.getItem(keyOf(person)) === null;
}

export function putOff(person: Person): void {
  localStorage.setItem(keyOf(person), CHOICES.later);
}

/** Ask for the permission, after a tap and never else, then have notices pushed where that is possible. */
export async function turnOn(person: Person): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") return;
  localStorage.setItem(keyOf(person), CHOICES.on);
  await subscribe();
}

export async function turnOff(person: Person): Promise<void> {
  putOff(person);
  await api.DELETE("/api/v1/me/notices");
  const registration = await navigator.serviceWorker.getRegistration();
  await (await registration?.pushManager?.getSubscription())?.unsubscribe();
}

/** The academy forgets a browser with its session: who wants notices is asked for again wherever they sign in. */
export async function keepSubscribed(person: Person): Promise<void> {
  if (wantsNotices(person)) await subscribe();
}

async function subscribe(): Promise<void> {
  const { key, is_on: isOn } = await answer(api.GET("/api/v1/me/notices"));
  const manager = (await navigator.serviceWorker.getRegistration())?.pushManager;
  if (!key || !manager) return; // they come while the app is open
  const known = await manager.getSubscription();
  const isOurs = known !== null && base64url(known.options.applicationServerKey) === key;
  if (isOurs && isOn) return;
  if (known && !isOurs) await known.unsubscribe();
  const wanted = isOurs ? known : await pushed(manager, key);
  if (!wanted) return;
  await api.PUT("/api/v1/me/notices", {
    body: {
      endpoint: wanted.endpoint,
      p256dh: base64url(wanted.getKey("p256dh")),
      auth: base64url(wanted.getKey("auth")),
      language: i18n.language === "en" ? "en" : "ko",
    },
  });
}

/** Nothing where the browser has no push service, or cannot reach it. */
async function pushed(manager: PushManager, key: string): Promise<PushSubscription | null> {
  try {
    return await manager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
}

export function base64url(bytes: ArrayBuffer | null): string {
  const text = String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer(0)));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
