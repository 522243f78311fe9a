import { describe, expect, it } from "vitest";

import { clock, Recorder, speedsUpTo, startOf } from "./recorder";

function play(recorder: Recorder, from: number, to: number, step = 0.25): void {
  for (let second = from; second <= to; second += step) recorder.at(second);
}

describe("what was watched", () => {
  it("is one range while it is played", () => {
    const recorder = new Recorder();
    play(recorder, 10, 20);
    expect(recorder.take()).toEqual([[10, 20]]);
    play(recorder, 20.25, 22);
    expect(recorder.take()).toEqual([[20, 22]]);
    expect(recorder.take()).toEqual([]);
  });

  it("leaves out what was jumped over, forwards and back", () => {
    const recorder = new Recorder();
    play(recorder, 0, 5);
    play(recorder, 60, 62);
    play(recorder, 3, 4);
    expect(recorder.take()).toEqual([
      [0, 5],
      [60, 62],
      [3, 4],
    ]);
  });

  it("leaves out a short jump that the player tells of", () => {
    const recorder = new Recorder();
    play(recorder, 0, 2);
    recorder.cut();
    play(recorder, 4, 5);
    expect(recorder.take()).toEqual([
      [0, 2],
      [4, 5],
    ]);
  });

  it("that could not be told is told with what came after", () => {
    const recorder = new Recorder();
    play(recorder, 0, 2);
    const taken = recorder.take();
    play(recorder, 2.25, 4);
    recorder.putBack(taken);
    expect(recorder.take()).toEqual([
      [0, 2],
      [2, 4],
    ]);
  });

  it("is never more than the API takes", () => {
    const recorder = new Recorder();
    for (let number = 0; number < 80; number += 1) play(recorder, number * 10, number * 10 + 1);
    const taken = recorder.take();
    expect(taken).toHaveLength(50);
    expect(taken.at(-1)).toEqual([790, 791]);
  });
});

it("offers no speed above the limit", () => {
  expect(speedsUpTo(2)).toEqual([0.75, 1, 1.25, 1.5, 1.75, 2]);
  expect(speedsUpTo(1)).toEqual([0.75, 1]);
});

it("goes on where it was left, and from the beginning after the end", () => {
  expect(startOf(42, 100)).toBe(42);
  expect(startOf(97, 100)).toBe(0);
});

it("shows times as players do", () => {
  expect([clock(0), clock(61.9), clock(3600 + 125)]).toEqual(["0:00", "1:01", "1:02:05"]);
});
