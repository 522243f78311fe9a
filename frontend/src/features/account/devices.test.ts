import { expect, it } from "vitest";

import { deviceOf } from "./devices";

it.each([
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1", "iPhone · Safari"],
  ["Mozilla/5.0 (Linux; Android 15; SM-S921N) AppleWebKit/537 SamsungBrowser/27.0 Chrome/125 Safari/537", "Android · Samsung Internet"],
  ["Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537 Chrome/140 Safari/537 Edg/140", "Windows · Edge"],
  ["python-httpx/0.28", "python-httpx/0.28"],
  ["", "?"],
])("calls %s %s", (userAgent, device) => {
  expect(deviceOf(userAgent)).toBe(device);
});
