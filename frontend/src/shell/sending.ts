/** Whether something is being sent right now: known to the whole app, without loading what sends. */
import { useSyncExternalStore } from "react";

let isSending = false;
const listeners = new Set<() => void>();

export function setSending(now: boolean): void {
  if (now === isSending) return;
  isSending = now;
  for (const listener of listeners) listener();
}

export function useSending(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isSending,
  );
}
