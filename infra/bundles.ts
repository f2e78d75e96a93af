// Says where the bundles of the package are. Called by function.ts, probe/probe.ts and requests/fegora-requests.ts.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Code } from 'aws-cdk-lib/aws-lambda';

const dist = new URL('../dist/', import.meta.url);

/** Folders of the handlers: `index.mjs`, and `requests.mjs` in that of the probe. The build writes them, so that synth needs no bundler. */
export const bundles = {
  /** The function of the broker. */
  function: fileURLToPath(new URL('lambda', dist)),
  /** The functions of `BrokerProbe` and `FegoraRequests`, bundled from probe/handler.ts and requests/function/handler.ts. */
  probe: fileURLToPath(new URL('probe', dist)),
} as const;

/**
 * Returns the code of a bundle.
 *
 * @throws Error that says what to do if the folder is not there
 */
export function codeIn(folder: string): Code {
  if (!existsSync(folder)) {
    throw new Error(
      `the package has no bundle in ${folder}: in a clone, run npm run build; elsewhere, install the package again`,
    );
  }
  return Code.fromAsset(folder);
}
