import { describe, expect, it } from "vitest";

import { historiesOf, MAX_SHOWN } from "./history";

const result = (id: number, day: number, points: string, course: string | null = "중2 심화반", max = "20.00") => ({
  id,
  title: `${id}회`,
  points,
  max_points: max,
  read_at: new Date(Date.UTC(2026, 2, day)).toISOString(),
  exam: { id, title: `${id}회`, course },
});

describe("the history of results", () => {
  it("is in the order of time, as shares of what could be had", () => {
    const [history] = historiesOf([result(3, 9, "20.00"), result(1, 2, "5.00"), result(2, 5, "12.50")]);
    expect(history?.exams.map(({ id, percent }) => [id, percent])).toEqual([
      [1, 25],
      [2, 63],
      [3, 100],
    ]);
  });

  it("is apart for each course, the one with the newest result first", () => {
    const found = historiesOf([
      result(1, 1, "5", "영어"),
      result(2, 2, "5", null),
      result(3, 3, "5", "영어"),
      result(4, 4, "5", null),
    ]);
    expect(found.map(({ course, exams }) => [course, exams.length])).toEqual([
      [null, 2],
      ["영어", 2],
    ]);
  });

  it("is none of one result, of nothing to have and of nothing at all", () => {
    expect(historiesOf([])).toEqual([]);
    expect(historiesOf([result(1, 1, "5"), result(2, 2, "5", "영어")])).toEqual([]);
    expect(historiesOf([result(1, 1, "0", "영어", "0"), result(2, 2, "0", "영어", "0")])).toEqual([]);
  });

  it("never leaves the chart: points off below nothing, as many exams as fit", () => {
    const many = Array.from({ length: 20 }, (_, index) => result(index, index + 1, index ? "-3.00" : "25.00"));
    const [history] = historiesOf(many);
    expect(history?.exams).toHaveLength(MAX_SHOWN);
    expect(history?.exams[0]?.id).toBe(20 - MAX_SHOWN);
    expect(new Set(history?.exams.map(({ percent }) => percent))).toEqual(new Set([0]));
  });
});
