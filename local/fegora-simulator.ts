import { createServer, type Server } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { type Controls, obey } from './fegora-control.ts';
import { count, createFegora, type FegoraCounters, type Surroundings, serve } from './fegora-server.ts';
import { defaultSettings, type FegoraSettings } from './fegora-settings.ts';
import type { Passage } from './fegora-traffic.ts';

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
  const server = createServer((request, response) => {
    serve(fegora, request, response).catch(() => response.destroy());
  });
  const origin = `http://127.0.0.1:${await listen(server, port)}`;
  return {
    ...fegora.controls,
    url: `${origin}/token`,
    origin,
    counters: () => count(fegora),
    logins: fegora.traffic.logins,
    close: () => close(server),
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
