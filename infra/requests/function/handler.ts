// Lambda handler of the construct FegoraRequests: sends requests to Fegora. Bundled into dist/probe, as requests.mjs.
import { createRequests } from './requests.ts';

// biome-ignore lint/style/noProcessEnv: the only place of the function that reads it
export const handler = createRequests({ env: process.env });
