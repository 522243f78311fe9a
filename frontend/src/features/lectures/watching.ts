/** A lecture that is being watched: opened, kept alive by heartbeats, and closed when one leaves. */
import { useCallback, useEffect, useRef, useState } from "react";

import { answer, api, Refused, type Schemas } from "../../api/client";
import { queryClient } from "../../api/session";
import { type Film, openFilm, type Quality, rememberedQuality, rememberQuality } from "./film";
import { lecturesQuery } from "./queries";
import { Recorder, startOf } from "./recorder";

type Lecture = Schemas["OwnLectureDetail"];
type Playback = Schemas["Playback"];

/** `ended`: it may not go on here; why, the error says. */
export type State = "opening" | "open" | "ended";

/** A link is good for two minutes; one older than this is not begun anything new with. */
const FRESH_MS = 90_000;

export function useWatching(lecture: Lecture) {
  const video = useRef<HTMLVideoElement>(null);
  const recorder = useRef(new Recorder());
  const playback = useRef<(Playback & { takenAt: number }) | null>(null);
  const [state, setState] = useState<State>("opening");
  const [error, setError] = useState<unknown>(null);
  const [speed, setSpeed] = useState(1);
  const [attempt, setAttempt] = useState(0);
  const film = useRef<Film | null>(null);
  const [quality, setQuality] = useState(rememberedQuality);
  const wished = useRef(quality);
  /** Whether there is a quality to choose here. */
  const [hasQualities, setHasQualities] = useState(false);
  const { id, student, seconds, max_speed } = lecture;

  useEffect(() => {
    const player = video.current!;
    const watched = recorder.current;
    let isLeft = false;
    let isBeating = false;
    let timer: ReturnType<typeof setTimeout> | undefined;

    /** What was loaded is let go. */
    const letGo = (): void => {
      film.current?.close();
      film.current = null;
      player.removeAttribute("src");
      player.load();
    };

    const end = (reason: unknown): void => {
      playback.current = null;
      player.pause();
      letGo();
      setError(reason);
      setState("ended");
    };

    let isOneFile = false; // it could not be played in several qualities

    /** Play on by the newest link, from where it is. */
    const load = async (second: number, isToPlay: boolean): Promise<void> => {
      const current = playback.current;
      if (!current) return;
      watched.cut();
      film.current?.close();
      film.current = null;
      if (current.playlist_url && !isOneFile) {
        const opened = await openFilm(player, {
          playlist: current.playlist_url,
          second,
          quality: wished.current,
          link,
          onFailed: () => {
            isOneFile = true;
            void load(player.currentTime || second, isToPlay || !player.paused);
          },
        }).catch(() => null); // without a network there is none of its script either
        if (isLeft || !playback.current) return opened?.close();
        film.current = opened;
      }
      setHasQualities(!!film.current && Object.keys(current.rendition_urls).length > 1);
      if (!film.current) {
        player.src = (playback.current ?? current).media_url;
        player.currentTime = second;
      }
      player.playbackRate = player.defaultPlaybackRate;
      if (isToPlay) void player.play().catch(() => {}); // a phone may want a tap
    };

    const link = async (name: string): Promise<string> => {
      if (Date.now() - (playback.current?.takenAt ?? 0) > FRESH_MS) await beat();
      const url = playback.current?.rendition_urls[name];
      if (!url) throw new Error("it may not go on here");
      return url;
    };

    const beat = async (isLast = false): Promise<void> => {
      const current = playback.current;
      if (!current || (isBeating && !isLast)) return;
      isBeating = true;
      const ranges = watched.take();
      try {
        const heard = await answer(
          api.POST("/api/v1/me/playback/{session_id}/heartbeat", {
            params: { path: { session_id: current.id } },
            body: { token: current.token, position: player.currentTime, ranges, is_last: isLast },
            keepalive: isLast, // the page may be gone before it has arrived
          }),
        );
        if (!isLast) playback.current = { ...heard, token: current.token, takenAt: Date.now() };
      } catch (reason) {
        if (isLast || isLeft) return;
        if (reason instanceof Refused && reason.code !== "watched_too_fast") end(reason);
        else watched.putBack(ranges);
      } finally {
        isBeating = false;
      }
    };

    const goOn = (): void => {
      timer = setTimeout(() => void beat().finally(goOn), (playback.current?.heartbeat_seconds ?? 15) * 1000);
    };

    const open = async (): Promise<void> => {
      try {
        const opened = await answer(
          api.POST("/api/v1/me/lectures/{lecture_id}/playback", {
            params: { path: { lecture_id: id } },
            body: { student },
          }),
        );
        playback.current = { ...opened, takenAt: Date.now() };
        if (isLeft) return void beat(true);
        setError(null);
        setState("open");
        void load(startOf(opened.position, seconds), attempt > 0);
        goOn();
      } catch (reason) {
        if (!isLeft) end(reason);
      }
    };

    let brokenAt = 0;
    const listeners: Record<string, () => void> = {
      timeupdate: () => {
        if (!player.paused && !player.seeking) watched.at(player.currentTime);
      },
      seeking: () => watched.cut(),
      pause: () => {
        watched.cut();
        void beat();
      },
      ended: () => void beat(),
      ratechange: () => {
        if (player.playbackRate > max_speed) player.playbackRate = max_speed;
        setSpeed(player.playbackRate);
      },
      /** Most often the link is too old by now: once more by a new one, and no more often than it helps. */
      error: () => {
        const current = playback.current;
        if (!current || film.current || !player.getAttribute("src") || Date.now() - brokenAt < 5_000) return;
        brokenAt = Date.now();
        const [second, wasPlaying] = [player.currentTime, !player.paused];
        const isFresh = Date.now() - current.takenAt < FRESH_MS && current.media_url !== player.src;
        void (isFresh ? Promise.resolve() : beat()).then(() => load(second, wasPlaying));
      },
    };
    const leave = (): void => {
      if (document.visibilityState === "hidden") void beat();
    };
    const close = (): void => void beat(true);

    for (const [name, listener] of Object.entries(listeners)) player.addEventListener(name, listener);
    document.addEventListener("visibilitychange", leave);
    window.addEventListener("pagehide", close);
    void open();
    return () => {
      isLeft = true;
      clearTimeout(timer);
      for (const [name, listener] of Object.entries(listeners)) player.removeEventListener(name, listener);
      document.removeEventListener("visibilitychange", leave);
      window.removeEventListener("pagehide", close);
      void beat(true).finally(() => queryClient.invalidateQueries({ queryKey: lecturesQuery.queryKey }));
      playback.current = null;
      letGo();
    };
  }, [id, student, seconds, max_speed, attempt]);

  const choose = useCallback((rate: number): void => {
    const player = video.current;
    if (!player) return;
    player.defaultPlaybackRate = rate;
    player.playbackRate = rate;
  }, []);

  const jump = useCallback((second: number): void => {
    const player = video.current;
    if (!player) return;
    player.currentTime = second;
    player.scrollIntoView({ block: "nearest" });
    void player.play().catch(() => {});
  }, []);

  const chooseQuality = useCallback((chosen: Quality): void => {
    wished.current = chosen;
    rememberQuality(chosen);
    setQuality(chosen);
    film.current?.choose(chosen);
  }, []);

  return {
    video,
    state,
    error,
    speed,
    setSpeed: choose,
    quality,
    hasQualities,
    setQuality: chooseQuality,
    jump,
    again: () => setAttempt((count) => count + 1),
  };
}
