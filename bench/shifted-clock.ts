let shiftedMs = 0;

/**
 * Puts both clocks of this process ahead of the system's, as if it had been frozen that long: hours of a token's life
 * pass in seconds. Milliseconds since the process began, in all.
 */
export function shiftClock(ms: number): void {
  if (shiftedMs === 0) {
    replaceClocks();
  }
  shiftedMs = ms;
}

function replaceClocks(): void {
  const SystemDate = Date;
  const monotonic = performance.now.bind(performance);
  performance.now = () => monotonic() + shiftedMs;
  globalThis.Date = new Proxy(SystemDate, {
    construct: (target, given, newTarget) =>
      Reflect.construct(target, given.length === 0 ? [target.now() + shiftedMs] : given, newTarget),
    get: (target, name) => (name === 'now' ? () => SystemDate.now() + shiftedMs : Reflect.get(target, name)),
  });
}
