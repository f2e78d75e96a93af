// Writes times for people: how long ago, or how long until then. Called by the commands that print times.

/** Whole units, the largest that fits: `45 s`, `12 min`, `3 h`, `2 d`. */
export function describeDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 100) {
    return `${seconds} s`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) {
    return `${minutes} min`;
  }
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** `in 12 min`, or `3 h ago`. Both are epoch milliseconds. */
export function describeDistance(at: number, now: number): string {
  return at >= now ? `in ${describeDuration(at - now)}` : `${describeDuration(now - at)} ago`;
}

/** The time itself and its distance: `2026-11-24T04:57:39.143Z (in 29 min)`. Returns any other text as it is. */
export function describeTime(text: string, now: number): string {
  const at = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? text : `${text} (${describeDistance(at, now)})`;
}
