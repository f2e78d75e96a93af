// Captures the lines that the function writes to its standard output. Called by environment.ts.

/**
 * Runs the work, and returns the lines that were written meanwhile instead of writing them.
 *
 * @throws what the work throws
 */
export async function captureLines(work: () => Promise<unknown>): Promise<readonly string[]> {
  const chunks: string[] = [];
  const { stdout } = process;
  const { write } = stdout;
  stdout.write = (chunk: string | Uint8Array) => {
    chunks.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    return true;
  };
  try {
    await work();
  } finally {
    stdout.write = write;
  }
  return chunks
    .join('')
    .split('\n')
    .filter((line) => line !== '');
}
