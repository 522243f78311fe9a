/** What is new between what was known and what an answer says: a result, something that was read, an objection's end. */
import type { Schemas } from "../../api/client";
import { isBeingRead as isFilmBeingRead, type Video } from "../films/queries";
import { isBeingRead, type Standing } from "../homework/standing";

export interface News {
  readonly kind: "result" | "objection" | "homework" | "film";
  readonly about: string;
  readonly to: string;
}

interface Pages<Row> {
  readonly pages: readonly { readonly results: readonly Row[] }[];
}

const first = <Row>({ pages }: Pages<Row>): readonly Row[] => pages[0]?.results ?? [];

/** New results; those of an exam that was published anew are known. */
export function newResults(before: Pages<Schemas["OwnResult"]>, after: Pages<Schemas["OwnResult"]>): News[] {
  const known = new Set(before.pages.flatMap(({ results }) => results.map(({ id }) => id)));
  return first(after)
    .filter(({ id }) => !known.has(id))
    .map(({ id, title }) => ({ kind: "result", about: title, to: `/results/${id}` }));
}

export function answeredObjections(before: Schemas["OwnResultDetail"], after: Schemas["OwnResultDetail"]): News[] {
  const asked = new Set(before.objections.filter(({ state }) => state === "asked").map(({ id }) => id));
  return after.objections.some(({ id, state }) => asked.has(id) && (state === "changed" || state === "kept"))
    ? [{ kind: "objection", about: after.title, to: `/results/${after.id}` }]
    : [];
}

export function readHomework(before: readonly Standing[], after: readonly Standing[]): News[] {
  const reading = new Set(before.filter(isBeingRead).map(({ submission }) => submission!.id));
  return after
    .filter((one) => one.submission && reading.has(one.submission.id) && !isBeingRead(one))
    .map(({ assignment, title }) => ({ kind: "homework", about: title, to: `/homework/${assignment}` }));
}

export function readFilms(before: Pages<Video>, after: Pages<Video>): News[] {
  const reading = new Set(first(before).filter(isFilmBeingRead).map(({ id }) => id));
  return first(after)
    .filter((film) => reading.has(film.id) && !isFilmBeingRead(film))
    .map(({ id, title }) => ({ kind: "film", about: title, to: `/films/${id}` }));
}

/** By the key that the answer is kept under. Nothing is news where nothing was known. */
export function newsOf(key: readonly unknown[], before: unknown, after: unknown): News[] {
  if (before === undefined || after === undefined) return [];
  switch (`${String(key[0])}/${key.length}`) {
    case "results/1":
      return newResults(before as Pages<Schemas["OwnResult"]>, after as Pages<Schemas["OwnResult"]>);
    case "results/2":
      return answeredObjections(before as Schemas["OwnResultDetail"], after as Schemas["OwnResultDetail"]);
    case "homework/1":
      return readHomework(before as Standing[], after as Standing[]);
    case "videos/1":
      return readFilms(before as Pages<Video>, after as Pages<Video>);
    default:
      return [];
  }
}

/** Between 21:00 and 8:00 where the academies are nobody is told of what can wait. */
export function isQuiet(now: Date): boolean {
  const hour = Number(new Intl.DateTimeFormat("en", { hour: "numeric", hourCycle: "h23", timeZone: "Asia/Seoul" }).format(now));
  return hour < 8 || hour >= 21;
}
