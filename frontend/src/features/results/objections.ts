/** What was objected to, and what still can be. */
import type { Schemas } from "../../api/client";

export type Objection = Schemas["OwnObjection"];
type Place = Pick<Objection, "page" | "label">;

/** The newest objection at a place of a page; "" is the page as a whole. The list has the newest first. */
export function objectionAt<Known extends Place>(objections: readonly Known[], page: number, label: string) {
  return objections.find((one) => one.page === page && one.label === label);
}

/** Whether one may object there now: nobody is asked, and what was decided does not stand as it was. */
export function mayObject(objection: Pick<Objection, "state" | "is_final"> | undefined, left: number): boolean {
  return left > 0 && (!objection || (objection.state !== "asked" && !objection.is_final));
}

/** Of a list with the newest first, the last word on each place. */
export function lastWords<Known extends Place>(objections: readonly Known[]): Known[] {
  return objections.filter((one) => objectionAt(objections, one.page, one.label) === one);
}
