import diagnostics from 'node:diagnostics_channel';
import { parentPort, workerData } from 'node:worker_threads';
import { startFegoraSimulator } from '../../../local/fegora/simulator.ts';

/**
 * Runs as a worker thread, so that Fegora goes on while the test's own thread is frozen. Posts the token endpoint, and
 * counts in `answered` the answers that are on their way, for the frozen thread to wait on.
 */
const { options, answered } = workerData;
diagnostics.subscribe('http.server.response.finish', () => {
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
});
const fegora = await startFegoraSimulator(options);
parentPort?.postMessage(fegora.url);
