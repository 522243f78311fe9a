import { describe, expect, it } from "vitest";

import { playlistOf, qualityOf } from "./film";
import { levelOf } from "./hls";

describe("qualities", () => {
  it("have playlists beside that of all", () => {
    const master = "/api/v1/me/playback/7/lecture.m3u8";
    expect(playlistOf(master, "auto")).toBe(master);
    expect(playlistOf(master, "low")).toBe("/api/v1/me/playback/7/low.m3u8");
  });

  it("are known by the addresses of their files, and playlists are none", () => {
    expect(qualityOf("http://hana.localhost/api/v1/me/playback/7/high.mp4")).toBe("high");
    expect(qualityOf("http://hana.localhost/api/v1/me/playback/7/high.m3u8")).toBeNull();
  });

  it("are levels by their rate, whatever their order, and the line's own choice is none", () => {
    const levels = [{ bitrate: 800_000 }, { bitrate: 300_000 }];
    expect(levelOf(levels, "high")).toBe(0);
    expect(levelOf(levels, "low")).toBe(1);
    expect(levelOf(levels, "auto")).toBe(-1);
    expect(levelOf([], "high")).toBe(-1);
  });
});
