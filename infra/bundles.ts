// Says where the bundles of the package are. Called by function.ts and probe/probe.ts.
import { fileURLToPath } from 'node:url';

const dist = new URL('../dist/', import.meta.url);

/** Folders of the handlers, each with an `index.mjs`. The build writes them, so that synth needs no bundler. */
export const bundles = {
  /** The function of the broker. */
  function: fileURLToPath(new URL('lambda', dist)),
  /** The function of `BrokerProbe`, bundled from probe/handler.ts. */
  probe: fileURLToPath(new URL('probe', dist)),
} as const;
