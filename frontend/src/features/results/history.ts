/** How a student's results went, course by course: what the chart and its table show. */
import type { Schemas } from "../../api/client";

type Result = Pick<Schemas["OwnResult"], "id" | "title" | "points" | "max_points" | "read_at" | "exam">;

export type Past = { id: number; title: string; readAt: string; points: string; max: string; percent: number };
export type CourseHistory = { course: string | null; exams: Past[] };

/** More do not fit a telephone side by side. */
export const MAX_SHOWN = 12;
/** One result is a number, not a way. */
const MIN_SHOWN = 2;

/** Courses with results to compare, that of the newest result first; of each the latest exams in the order of time. */
export function historiesOf(results: readonly Result[]): CourseHistory[] {
  const byCourse = new Map<string | null, Past[]>();
  const newestFirst = [...results].sort((one, other) => Date.parse(other.read_at) - Date.parse(one.read_at));
  for (const result of newestFirst) {
    const max = Number(result.max_points);
    if (!(max > 0)) continue;
    const percent = Math.round((100 * Math.min(Math.max(Number(result.points), 0), max)) / max);
    const past = byCourse.get(result.exam.course) ?? [];
    byCourse.set(result.exam.course, past);
    const { id, title } = result;
    if (past.length < MAX_SHOWN) {
      past.unshift({ id, title, readAt: result.read_at, points: result.points, max: result.max_points, percent });
    }
  }
  return [...byCourse].map(([course, exams]) => ({ course, exams })).filter(({ exams }) => exams.length >= MIN_SHOWN);
}
