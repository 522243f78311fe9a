import { describe, expect, it } from "vitest";

import { handedIn, isBeingRead, type Standing, statusOf, toDo } from "./standing";

const NOW = Date.parse("2026-11-21T09:00:00Z");
const HOUR = 3_600_000;

function standing(assignment: number, dueInHours: number, state?: string, unmatched = 0): Standing {
  const counts = { problems: 10, attempted: 7, blank: 2, unsure: 1, unmatched };
  const created_at = new Date(NOW - assignment * HOUR).toISOString();
  const common = { assignment, student: 3, error_code: "", error: "", page_count: 2, created_at };
  return {
    assignment,
    title: `숙제 ${assignment}`,
    due_at: new Date(NOW + dueInHours * HOUR).toISOString(),
    student: 3,
    number: "240001",
    name: "김하윤",
    is_late: false,
    submission: state === undefined ? null : { id: 100 + assignment, state, counts, ...common },
  };
}

const numbers = (list: Standing[]): number[] => list.map(({ assignment }) => assignment);

describe("homework", () => {
  it.each([
    [undefined, 1, 0, "due"],
    [undefined, -1, 0, "overdue"],
    ["queued", 1, 0, "reading"],
    ["sent", 1, 0, "reading"],
    ["running", -1, 0, "reading"],
    ["succeeded", -1, 0, "read"],
    ["succeeded", 1, 2, "partly"],
    ["failed", 1, 0, "failed"],
    ["cancelled", 1, 0, "cancelled"],
  ])("in state %s, due in %i h, with %i unknown pages is %s", (state, due, unmatched, expected) => {
    expect(statusOf(standing(1, due, state, unmatched), NOW)).toBe(expected);
  });

  it("is to be done again before what is due, and that before what is overdue", () => {
    const list = [
      standing(1, -50),
      standing(2, 30),
      standing(3, 2),
      standing(4, -2),
      standing(5, 5, "failed"),
      standing(6, 1, "succeeded"),
      standing(7, 1, "running"),
    ];
    expect(numbers(toDo(list, NOW))).toEqual([5, 3, 2, 4, 1]);
  });

  it("that was handed in comes the newest first, with what is being read", () => {
    const list = [standing(3, 1, "succeeded"), standing(1, 1, "running"), standing(2, 1, "failed"), standing(4, 1)];
    expect(numbers(handedIn(list))).toEqual([1, 3]);
    expect(list.filter(isBeingRead)).toHaveLength(1);
  });
});
