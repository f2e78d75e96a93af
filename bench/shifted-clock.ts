// Moves the clocks of a process ahead. Called by rapid-client.ts.
let shiftedMs = 0;

/**
 * Replaces both clocks of this process. Call it before the function loads, which may keep a reference to `Date.now`.
 */
export function replaceClocks(): void {
  const SystemDate = Date;
  const monotonic = performance.now.bind(performance);
  const now = () => SystemDate.now() + shiftedMs;
  performance.now = () => monotonic() + shiftedMs;
  globalThis.Date = new Proxy(SystemDate, {
    construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
}

/**
 * Sets how far both clocks are ahead of the system's, as if the process had been frozen for that time. In this way
 * hours of a token's lifetime pass in seconds. Milliseconds in total since the process began.
 */
export function shiftClocks(ms: number): void {
  shiftedMs = ms;
}
