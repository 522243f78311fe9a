import { expect, test } from "vitest";

import { isQuiet, newsOf } from "./news";

const pages = (...results: object[]) => ({ pages: [{ results }], pageParams: [""] });
const result = (id: number) => ({ id, title: `시험 ${id}` });
const handedIn = (state: string, id = 7) => ({
  assignment: 3,
  title: "익힘책",
  due_at: "2026-03-02T00:00:00Z",
  submission: { id, state, counts: { unmatched: 0 } },
});
const objected = (state: string) => ({ id: 5, title: "월말평가", objections: [{ id: 1, state }] });

test("the first look is no news, and neither is what went", () => {
  expect(newsOf(["results"], undefined, pages(result(1)))).toEqual([]);
  expect(newsOf(["results"], pages(result(1)), pages())).toEqual([]);
  expect(newsOf(["results"], pages(result(1)), undefined)).toEqual([]);
});

test("a result that was not there is news, one that moved to the next page is not", () => {
  const before = { pages: [{ results: [result(2)] }, { results: [result(1)] }] };
  expect(newsOf(["results"], before, pages(result(3), result(2), result(1)))).toEqual([
    { kind: "result", about: "시험 3", to: "/results/3" },
  ]);
});

test("homework is news once what was being read is read, however that ended", () => {
  const read = [{ kind: "homework", about: "익힘책", to: "/homework/3" }];
  expect(newsOf(["homework"], [handedIn("running")], [handedIn("succeeded")])).toEqual(read);
  expect(newsOf(["homework"], [handedIn("running")], [handedIn("failed")])).toEqual(read);
  expect(newsOf(["homework"], [handedIn("running")], [handedIn("running")])).toEqual([]);
  expect(newsOf(["homework"], [handedIn("running", 6)], [handedIn("succeeded", 7)])).toEqual([]); // another hand-in
  expect(newsOf(["homework", "submission", 7, "running"], handedIn("running"), handedIn("succeeded"))).toEqual([]);
});

test("a film is news once its pages were looked for", () => {
  const film = (state: string) => pages({ id: 9, title: "공책", state });
  expect(newsOf(["videos"], film("running"), film("succeeded"))).toEqual([
    { kind: "film", about: "공책", to: "/films/9" },
  ]);
  expect(newsOf(["videos"], film("succeeded"), film("succeeded"))).toEqual([]);
});

test("an objection is news once a person decided it", () => {
  const answered = [{ kind: "objection", about: "월말평가", to: "/results/5" }];
  expect(newsOf(["results", 5], objected("asked"), objected("kept"))).toEqual(answered);
  expect(newsOf(["results", 5], objected("asked"), objected("changed"))).toEqual(answered);
  expect(newsOf(["results", 5], objected("asked"), objected("lapsed"))).toEqual([]);
  expect(newsOf(["results", 5], objected("kept"), objected("kept"))).toEqual([]);
});

test("it is quiet from nine in the evening to eight in the morning, in Korea", () => {
  const at = (time: string): boolean => isQuiet(new Date(`2026-03-02T${time}:00+09:00`));
  expect([at("07:59"), at("08:00"), at("20:59"), at("21:00"), at("00:30")]).toEqual([true, false, false, true, true]);
});
