// The settings of the simulator and their defaults. Used by simulator.ts, server.ts and grants.ts.
/** An answer that the server does not give by itself. */
export interface OtherAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** @default an HTML error page */
  readonly body?: string | Uint8Array;
}

/** How the simulated server behaves. All settings can change while the server runs. */
export interface FegoraSettings {
  /** Lifetime of access tokens. Whole seconds. */
  lifetimeSeconds: number;
  /** Other lifetimes for some users. Whole seconds by username. */
  lifetimes: Record<string, number>;
  /** `error_description` of a refused password. The real server may send it in another language. */
  refusal: string;
  /** The answer to a refused password, for example a 401 or a 403. Null: the 400 `invalid_grant` of Fegora's page. */
  refusedAs: OtherAnswer | null;
  /** How many wrong passwords in a row lock a user. 0: never. */
  lockoutFailures: number;
  lockoutMinutes: number;
  /** The only `client_id` that is registered. */
  clientId: string;
  /** How long the server works on each request to the token endpoint. Milliseconds. */
  delayMs: number;
}

/** The settings of Fegora's server, as far as its page and its software stack show them. */
export const defaultSettings: FegoraSettings = {
  lifetimeSeconds: 1800,
  lifetimes: {},
  refusal: 'The user name or password is incorrect.',
  refusedAs: null,
  lockoutFailures: 5,
  lockoutMinutes: 5,
  clientId: 'apiApp',
  delayMs: 0,
};
