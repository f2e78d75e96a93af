// The state of the network and of the AWS services during a soak run. Used by soak-state.ts, soak.ts and fault-plan.ts.

/** What is wrong now. The fault plan changes these values and resets them. */
export interface Conditions {
  /** Share of the messages that never arrive, from 0 to 1. */
  lossShare: number;
  /** Longest time that a message takes. Milliseconds. */
  latencyMs: number;
  isTableDown: boolean;
  isSecretDown: boolean;
}

/** Returns the conditions without any fault. */
export function normalConditions(): Conditions {
  return { lossShare: 0.001, latencyMs: 40, isTableDown: false, isSecretDown: false };
}
