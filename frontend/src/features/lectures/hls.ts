/** Playing by hls.js, which nobody loads who does not watch a lecture. */
import Hls, { type Level } from "hls.js/light";

import { type Film, type Quality, qualityOf, type Wish } from "./film";

/** What is not watched yet and is loaded all the same: enough for a tunnel, little to be kept. */
const AHEAD_SECONDS = 60;

export function stream(player: HTMLVideoElement, wish: Wish): Film | null {
  if (!Hls.isSupported()) return null;
  let quality = wish.quality;
  const hls = new Hls({
    enableWorker: false, // it would be a script that the page's policy does not know
    startPosition: wish.second,
    maxMaxBufferLength: AHEAD_SECONDS,
    backBufferLength: AHEAD_SECONDS,
    /** The playlist's addresses of films lead to a link each time; the one at hand saves the way there. */
    xhrSetup: async (xhr, url) => {
      const name = qualityOf(url);
      xhr.open("GET", name ? await wish.link(name) : url, true);
    },
  });
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    hls.loadLevel = levelOf(hls.levels, quality);
  });
  let isRecovered = false;
  hls.on(Hls.Events.ERROR, (_, error) => {
    if (!error.fatal) return;
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && !isRecovered) {
      isRecovered = true;
      hls.recoverMediaError();
    } else wish.onFailed();
  });
  hls.loadSource(wish.playlist);
  hls.attachMedia(player);
  return {
    choose(chosen) {
      quality = chosen;
      hls.nextLevel = levelOf(hls.levels, chosen);
    },
    close: () => hls.destroy(),
  };
}

/** Which of the levels that hls.js found: -1 leaves it to the line. */
export function levelOf(levels: readonly Pick<Level, "bitrate">[], quality: Quality): number {
  if (quality === "auto" || !levels.length) return -1;
  const rates = levels.map((level) => level.bitrate);
  return rates.indexOf(quality === "high" ? Math.max(...rates) : Math.min(...rates));
}
