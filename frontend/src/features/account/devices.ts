/** What people call the device whose browser sends this: by the first name that fits. */
const DEVICES: readonly (readonly [RegExp, string])[] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "Mac"],
  [/CrOS/, "Chromebook"],
  [/Linux/, "Linux"],
];
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/KAKAOTALK/, "KakaoTalk"],
  [/NAVER/, "Naver"],
  [/SamsungBrowser/, "Samsung Internet"],
  [/Edg/, "Edge"],
  [/Whale/, "Whale"],
  [/Firefox|FxiOS/, "Firefox"],
  [/Chrome|CriOS/, "Chrome"],
  [/Safari/, "Safari"],
];

export function deviceOf(userAgent: string): string {
  const named = (names: typeof DEVICES): string | undefined => names.find(([sign]) => sign.test(userAgent))?.[1];
  return [named(DEVICES), named(BROWSERS)].filter(Boolean).join(" · ") || userAgent.slice(0, 40) || "?";
}
