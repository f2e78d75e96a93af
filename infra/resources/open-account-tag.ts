// The key of the tag of every open account's secret. Used by open-accounts.ts and by the local run.

/** Its value is the name of the stack. */
export const openAccountTag = 'fegora-token-broker';
