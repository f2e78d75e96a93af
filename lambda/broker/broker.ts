// The broker: one AccountBroker per account. Put together by ../handler.ts.
import { type AccountBroker, createAccountBroker } from './account-broker.ts';
import type { Broker } from './contract.ts';
import { type Ports, portsOf } from './ports.ts';

/** How many accounts one environment remembers. What is forgotten costs a read of the table at the next call. */
const mostAccounts = 1000;

/**
 * Serves tokens from memory, else from the shared table, else by the one login that all environments agree on. One broker
 * per execution environment; its state lives in the closure.
 */
export function createBroker(ports: Ports): Broker {
  /** Environments open their renewal windows at different times. */
  const jitter = ports.random();
  const accounts = new Map<string, AccountBroker>();

  return {
    getToken: (request, remaining) => of(request.account).getToken(request, remaining),
    warm: (account, remaining) => of(account).warm(remaining),
    verify: (account, remaining) => of(account).verify(remaining),
    status: (account, remaining) => of(account).status(remaining),
    checkSecret: (account, remaining, past) => of(account).checkSecret(remaining, past),
    amend: (account, amendment, remaining) => of(account).amend(amendment, remaining),
  };

  function of(account: string): AccountBroker {
    const known = accounts.get(account) ?? createAccountBroker(portsOf(account, ports), jitter);
    // Inserted anew at every use, so that the first one is the one that was not used for the longest time.
    accounts.delete(account);
    accounts.set(account, known);
    forgetOldest(({ isUnknown }) => isUnknown());
    forgetOldest(({ isForgettable }) => isForgettable());
    return known;
  }

  /** First goes what no account has: such ids do not drive out accounts in use. An account that still has to write a rejection stays. */
  function forgetOldest(mayGo: (one: AccountBroker) => boolean): void {
    for (const [account, one] of accounts) {
      if (accounts.size <= mostAccounts) {
        return;
      }
      if (mayGo(one)) {
        accounts.delete(account);
      }
    }
  }
}
