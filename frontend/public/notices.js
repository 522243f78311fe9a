/** Part of the service worker: shows what was pushed, and opens where a notice leads. */
self.addEventListener("push", (event) => {
  const { title, body, to, tag, icon } = event.data.json();
  event.waitUntil(self.registration.showNotification(title, { body, tag, icon, data: { to } }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.to ?? "/"));
});

/** In the app where it is open: it goes there by itself, since loading it anew would stop what is being sent. */
async function open(to) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = windows.find(({ visibilityState }) => visibilityState === "visible") ?? windows[0];
  if (!shown) return void (await self.clients.openWindow(to));
  shown.postMessage({ open: to });
  await shown.focus();
}
