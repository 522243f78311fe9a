/** Where a student stands with a piece of homework, and what that asks of them. */
import type { Schemas } from "../../api/client";

export type Standing = Schemas["Standing"];

/**
 * `reading`: handed in, and nothing is known yet. `failed` and `cancelled`: not read. `partly`: read, but some pages are
 * none of the worksheet's, or cannot be recognised.
 */
export type Status = "due" | "overdue" | "reading" | "failed" | "cancelled" | "partly" | "read";

export function statusOf({ due_at, submission }: Standing, now: number): Status {
  if (!submission) return Date.parse(due_at) < now ? "overdue" : "due";
  switch (submission.state) {
    case "succeeded":
      return submission.counts.unmatched ? "partly" : "read";
    case "failed":
    case "cancelled":
      return submission.state;
    default:
      return "reading";
  }
}

export const isBeingRead = (standing: Standing): boolean => statusOf(standing, 0) === "reading";

/** First what failed, then what is due, the soonest first, then what is overdue, the latest first. */
const URGENCY: Readonly<Partial<Record<Status, number>>> = { failed: 0, partly: 0, cancelled: 0, due: 1, overdue: 2 };

export function toDo(list: readonly Standing[], now: number): Standing[] {
  const urgency = (one: Standing): number | undefined => URGENCY[statusOf(one, now)];
  const distance = ({ due_at }: Standing): number => Math.abs(Date.parse(due_at) - now);
  return list
    .filter((one) => urgency(one) !== undefined)
    .sort((a, b) => urgency(a)! - urgency(b)! || distance(a) - distance(b));
}

/** What was handed in and is being read or was, the newest first. */
export function handedIn(list: readonly Standing[]): Standing[] {
  const time = ({ submission }: Standing): number => Date.parse(submission!.created_at);
  return list.filter((one) => ["reading", "read"].includes(statusOf(one, 0))).sort((a, b) => time(b) - time(a));
}
