let shiftedMs = 0;

/** Puts both clocks of this process under our hand. Before the function is loaded: it may keep `Date.now` as it finds it. */
export function takeClocks(): void {
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
 * Puts both clocks ahead of the system's, as if the process had been frozen that long: hours of a token's life pass in
 * seconds. Milliseconds since the process began, in all.
 */
export function shiftClocks(ms: number): void {
  shiftedMs = ms;
}
