/** How the simulated server behaves. All of it can be changed while it runs. */
export interface FegoraSettings {
  /** Lifetime of access tokens. Whole seconds. */
  lifetimeSeconds: number;
  /** Users whose tokens live otherwise. Whole seconds by username. */
  lifetimes: Record<string, number>;
  /** `error_description` of a refused password; the real one may be localised. */
  refusal: string;
  /** Wrong passwords in a row that lock an account; 0 never locks. */
  lockoutFailures: number;
  lockoutMinutes: number;
  /** The only `client_id` that is registered. */
  clientId: string;
  /** How long the server works on a request to the token endpoint. Milliseconds. */
  delayMs: number;
}

/** Fegora's server as far as its page and the stack it is built on tell. */
export const defaultSettings: FegoraSettings = {
  lifetimeSeconds: 1800,
  lifetimes: {},
  refusal: 'The user name or password is incorrect.',
  lockoutFailures: 5,
  lockoutMinutes: 5,
  clientId: 'apiApp',
  delayMs: 0,
};
