// Runs the Fegora simulator in a worker thread. Started by tests that block their own thread.
import diagnostics from 'node:diagnostics_channel';
import { parentPort, workerData } from 'node:worker_threads';
import { startFegoraSimulator } from '../../../local/fegora/simulator.ts';

/**
 * Fegora runs in this thread while the test blocks its own. The thread posts the URL of the token endpoint, and counts
 * the answers that it sent in `answered`. The blocked thread waits on that counter.
 */
const { options, answered } = workerData;
diagnostics.subscribe('http.server.response.finish', () => {
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
});
const fegora = await startFegoraSimulator(options);
parentPort?.postMessage(fegora.url);
