import { setTimeout } from 'node:timers/promises';
import { serve as serveOn } from '../loopback.ts';
import { type Controls, obey } from './control.ts';
import { count, createFegora, type FegoraCounters, type Surroundings, serve } from './server.ts';
import { defaultSettings, type FegoraSettings } from './settings.ts';
import type { Passage } from './traffic.ts';

/** How the simulator starts. */
export interface FegoraOptions extends Partial<FegoraSettings>, Partial<Surroundings> {
  /** @default 0, any free port */
  readonly port?: number;
  /** Username to password. */
  readonly accounts?: Readonly<Record<string, string>>;
}

/** A Fegora of our own on loopback. */
export interface FegoraSimulator extends Controls {
  /** The token endpoint. */
  readonly url: string;
  /** Scheme, host and port, without a path. */
  readonly origin: string;
  readonly counters: () => FegoraCounters;
  /** Password grants in the order of their arrival. */
  readonly logins: () => readonly Passage[];
  readonly close: () => Promise<void>;
}

/**
 * Starts a Fegora on 127.0.0.1: `POST /token` as Fegora's page and the server stack behind it have it, `/api/whoami` for
 * bearer tokens, and `/_control` for other processes (see `Command`).
 */
export async function startFegoraSimulator(options: FegoraOptions = {}): Promise<FegoraSimulator> {
  const { port = 0, accounts = {}, now = Date.now, sleep = setTimeout, beforeAnswer = () => {}, ...settings } = options;
  const fegora = createFegora({ ...defaultSettings, ...settings }, { now, sleep, beforeAnswer });
  obey({ accounts }, fegora.controls);
  const { url, close } = await serveOn((request, response) => {
    serve(fegora, request, response).catch(() => response.destroy());
  }, port);
  return {
    ...fegora.controls,
    url: `${url}/token`,
    origin: url,
    counters: () => count(fegora),
    logins: fegora.traffic.logins,
    close,
  };
}
