/** Which seconds of a lecture were played since they were last told. Times that a player reports, in; ranges out. */
export type Range = [number, number];

/** Two reports further apart than this are a jump, whatever the speed: players report four times a second. */
const JUMP_SECONDS = 3;
/** The API takes no more at once. */
const MAX_RANGES = 50;

export class Recorder {
  private ranges: Range[] = [];
  private last: number | null = null;

  /** The player is at this second, and playing. */
  at(second: number): void {
    const before = this.last;
    this.last = second;
    if (before === null || second <= before || second - before > JUMP_SECONDS) return;
    const open = this.ranges.at(-1);
    if (open && open[1] === before) open[1] = second;
    else this.ranges.push([before, second]);
  }

  /** What comes next does not follow: it was paused, or somebody jumped. */
  cut(): void {
    this.last = null;
  }

  /** All of it, to be told; nothing of it is kept. */
  take(): Range[] {
    const taken = this.ranges.slice(-MAX_RANGES);
    this.ranges = [];
    return taken;
  }

  /** What could not be told is told the next time. */
  putBack(taken: Range[]): void {
    this.ranges = [...taken, ...this.ranges];
  }
}

/** The speeds to choose from: no faster than the academy allows. */
export function speedsUpTo(limit: number): number[] {
  return [0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4].filter((speed) => speed <= limit);
}

/** Where it goes on. Whoever has seen the end begins again. */
export function startOf(position: number, seconds: number): number {
  return position < seconds - 5 ? position : 0;
}

/** Minutes and seconds, and hours where there are any. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
