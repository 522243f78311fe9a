import { describe, expect, it } from "vitest";

import { lastWords, mayObject, objectionAt } from "./objections";

const asked = { page: 1, label: "q2", state: "asked" as const, is_final: false };
const kept = { page: 1, label: "q2", state: "kept" as const, is_final: true };

describe("objections", () => {
  it("are known by page and answer, the newest first", () => {
    expect(objectionAt([asked, kept], 1, "q2")).toBe(asked);
    expect(objectionAt([asked, kept], 2, "q2")).toBeUndefined();
    expect(objectionAt([asked, kept], 1, "")).toBeUndefined();
    expect(lastWords([asked, kept, { ...kept, page: 2 }])).toEqual([asked, { ...kept, page: 2 }]);
  });

  it("wait for an answer, and are not raised again of what stands as decided", () => {
    expect(mayObject(undefined, 1)).toBe(true);
    expect(mayObject(asked, 1)).toBe(false);
    expect(mayObject(kept, 1)).toBe(false);
    expect(mayObject({ ...kept, is_final: false }, 1)).toBe(true);
    expect(mayObject({ state: "lapsed", is_final: false }, 1)).toBe(true);
  });

  it("end where as many were raised as can be", () => {
    expect(mayObject(undefined, 0)).toBe(false);
  });
});
