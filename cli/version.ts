// The version of the package. Called by program.ts.
import manifest from '../package.json' with { type: 'json' };

/** As in package.json. The bundle has only this member of the file. */
export const { version } = manifest;
