// Starts the Fegora simulator on loopback. Called by services.ts, bench/servers.ts and the tests.
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { listenGuarded } from '../loopback.ts';
import { applyCommand, type Controls } from './control.ts';
import { count, type FegoraCounters } from './counters.ts';
import { createFegora, type Dependencies, serve } from './server.ts';
import { defaultSettings, type FegoraSettings } from './settings.ts';
import type { RecordedRequest } from './traffic.ts';

/** How the simulator starts. */
export interface FegoraOptions extends Partial<FegoraSettings>, Partial<Dependencies> {
  /** @default 0, any free port */
  readonly port?: number;
  /** Username to password. */
  readonly accounts?: Readonly<Record<string, string>>;
}

/** A running Fegora simulator. */
export interface FegoraSimulator extends Controls {
  /** The token endpoint. */
  readonly url: string;
  /** Scheme, host and port, without a path. */
  readonly origin: string;
  readonly counters: () => FegoraCounters;
  /** Password grants in the order of their arrival. */
  readonly logins: () => readonly RecordedRequest[];
  /** Password grants and refresh grants in the order of their arrival. */
  readonly grants: () => readonly RecordedRequest[];
  readonly close: () => Promise<void>;
}

/**
 * Starts the simulator on 127.0.0.1. `POST /token` behaves as Fegora's page and its software stack say. `/api/whoami`
 * takes bearer tokens. `/_control` takes commands of other processes (see `Command`).
 */
export async function startFegoraSimulator(options: FegoraOptions = {}): Promise<FegoraSimulator> {
  const { port = 0, accounts = {}, now = Date.now, sleep = setTimeout, beforeAnswer = () => {}, ...settings } = options;
  const fegora = createFegora({ ...defaultSettings, ...settings }, { now, sleep, beforeAnswer });
  applyCommand({ accounts }, fegora.controls);
  const server = createServer((request, response) => {
    serve(fegora, request, response).catch(() => response.destroy());
  });
  const { url, close } = await listenGuarded(server, port);
  return {
    ...fegora.controls,
    url: `${url}/token`,
    origin: url,
    counters: () => count(fegora),
    logins: fegora.traffic.logins,
    grants: fegora.traffic.grants,
    close,
  };
}
