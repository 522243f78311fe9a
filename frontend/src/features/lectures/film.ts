/** How a lecture gets into the player where it is there in several qualities: by the browser itself, or by hls.js. */
export const QUALITIES = ["auto", "high", "low"] as const;
export type Quality = (typeof QUALITIES)[number];

/** What is playing. */
export interface Film {
  choose(quality: Quality): void;
  close(): void;
}

export interface Wish {
  /** Where the master playlist is; those of the qualities lie beside it. */
  playlist: string;
  second: number;
  quality: Quality;
  /** An address of the file of a quality that is good now. */
  link: (name: string) => Promise<string>;
  /** It cannot be played this way. */
  onFailed: () => void;
}

/** Begin to play. `null`: not this way in this browser. */
export async function openFilm(player: HTMLVideoElement, wish: Wish): Promise<Film | null> {
  if (playsPlaylists(player)) return openItself(player, wish);
  const { stream } = await import("./hls");
  return stream(player, wish);
}

/** Safari. Others say that they do as well, and choose no quality by the line. */
function playsPlaylists(player: HTMLVideoElement): boolean {
  return "WebKitPlaybackTargetAvailabilityEvent" in window && !!player.canPlayType("application/vnd.apple.mpegurl");
}

function openItself(player: HTMLVideoElement, wish: Wish): Film {
  const play = (quality: Quality, second: number): void => {
    player.src = playlistOf(wish.playlist, quality);
    player.currentTime = second;
    player.playbackRate = player.defaultPlaybackRate;
  };
  player.addEventListener("error", wish.onFailed);
  play(wish.quality, wish.second);
  return {
    choose(quality) {
      const wasPlaying = !player.paused;
      play(quality, player.currentTime);
      if (wasPlaying) void player.play().catch(() => {});
    },
    close: () => player.removeEventListener("error", wish.onFailed),
  };
}

/** The playlist of one quality lies beside that of all. */
export function playlistOf(master: string, quality: Quality): string {
  return quality === "auto" ? master : master.replace(/[^/]*$/, `${quality}.m3u8`);
}

/** The quality whose file this address is of, as playlists name it. */
export function qualityOf(url: string): string | null {
  return /\/([a-z]+)\.mp4$/.exec(url)?.[1] ?? null;
}

const REMEMBERED = "lecture-quality";

/** What was chosen in this browser; without a choice the line decides, or a phone that is to save data. */
export function rememberedQuality(): Quality {
  const chosen = localStorage.getItem(REMEMBERED);
  const known = QUALITIES.find((quality) => quality === chosen);
  const connection = (navigator as Navigator & { connection?: { saveData?: boolean } }).connection;
  return known ?? (connection?.saveData ? "low" : "auto");
}

export function rememberQuality(quality: Quality): void {
  localStorage.setItem(REMEMBERED, quality);
}
