// Time as the core sees it: the Clock port, and moments by both clocks. Used by every file of the core that measures time.

/** Durations in milliseconds. */
export const secondMs = 1000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** How far apart the clocks of two AWS hosts may be. Milliseconds. */
export const clockToleranceMs = 2000;

/** The two clocks and the timer of one environment. */
export interface Clock {
  /** Wall clock, epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds since a fixed moment; never goes back. */
  readonly monotonic: () => number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** One moment by both clocks. Milliseconds. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

/** This moment by both clocks. */
export function momentOf(clock: Clock): Moment {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}

/**
 * The time now, counted from `moment` by the monotonic clock. Only such times go into the table: the wall clock may have
 * been set since it was compared with the table's. Epoch milliseconds.
 */
export function timeSince(clock: Clock, moment: Moment): number {
  return Math.round(moment.wall + clock.monotonic() - moment.monotonic);
}

/**
 * Whether both clocks measure the same time since `moment`, within `clockToleranceMs`. If they do not, the wall clock
 * was set, or the process was stopped.
 */
export function isSteady(clock: Clock, moment: Moment): boolean {
  const wallMs = clock.now() - moment.wall;
  const monotonicMs = clock.monotonic() - moment.monotonic;
  return Math.abs(wallMs - monotonicMs) <= clockToleranceMs;
}

/** Milliseconds that the invocation has left. */
export type Remaining = () => number;

/** The time since a moment, by the clock that says more: while a machine is suspended one may stand still. Milliseconds. */
export function elapsedSince(clock: Clock, moment: Moment): number {
  return Math.max(clock.now() - moment.wall, clock.monotonic() - moment.monotonic);
}
