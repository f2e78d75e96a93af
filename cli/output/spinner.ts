// Shows on a terminal that a command still works, if it takes over a second. Called by output.ts.

/** A line that is drawn again and again, and taken away before anything else is written. */
export interface Spinner {
  /** Starts to wait: the line appears after a second. A new label replaces the one before. */
  readonly start: (label: string) => void;
  /** Takes the line away. */
  readonly stop: () => void;
}

const delayMs = 1000;
const frameMs = 120;
const frames = ['|', '/', '-', '\\'];
/** Goes to the start of the line, and deletes the line. */
const clearLine = '\r\u001b[K';

/**
 * Returns a spinner.
 *
 * @param draw writes to a terminal that understands control characters. Undefined for every other output: nothing is drawn
 */
export function createSpinner(draw: ((text: string) => void) | undefined): Spinner {
  let timer: NodeJS.Timeout | undefined;
  let shown = '';
  let startedAt = 0;

  function drawFrame(): void {
    const waitedMs = performance.now() - startedAt;
    const frame = frames[Math.floor(waitedMs / frameMs) % frames.length];
    draw?.(`${clearLine}${frame} ${shown} … ${Math.floor(waitedMs / 1000)} s`);
    timer = setTimeout(drawFrame, frameMs);
  }

  function stop(): void {
    clearTimeout(timer);
    timer = undefined;
    if (shown !== '' && performance.now() - startedAt >= delayMs) {
      draw?.(clearLine);
    }
    shown = '';
  }

  return {
    stop,
    start: (label) => {
      stop();
      if (draw !== undefined) {
        shown = label;
        startedAt = performance.now();
        timer = setTimeout(drawFrame, delayMs);
      }
    },
  };
}
