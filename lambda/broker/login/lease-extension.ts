// Makes the lease of a login that listens for a late answer last longer. Called by leased-login.ts.
import { leaseMs } from '../item.ts';
import type { AccountPorts, Claim } from '../ports.ts';
import { type Guard, loginDeadlineMs } from './login-guard.ts';

/** A claim that was granted. Its lease may have been made to last longer since. */
export interface Lease {
  readonly claim: Claim;
  readonly guard: Guard;
  /** How long its login may listen, from arming; absent if it listens no longer than others. Milliseconds. */
  readonly patientMs?: number | undefined;
  /** Epoch milliseconds. */
  until: number;
}

/** How often a patient login makes its lease last longer, and how long it may go on after that. Milliseconds. */
const extendEveryMs = 4000;
const extendedMs = 8000;

/** How long the lease outlasts the login, because Fegora may work on it after we hang up. Milliseconds. */
const lingerMs = leaseMs - loginDeadlineMs;

/** Runs `work`, and extends the lease meanwhile if its login is patient. Gives the login up if the lease is lost. */
export async function whileExtending<T>(
  ports: Pick<AccountPorts, 'clock' | 'table'>,
  lease: Lease,
  work: () => Promise<T>,
): Promise<T> {
  const stopped = new AbortController();
  const extended = extendUntil(stopped.signal, ports, lease);
  try {
    return await work();
  } finally {
    stopped.abort();
    await extended;
  }
}

async function extendUntil(
  stopped: AbortSignal,
  { clock, table }: Pick<AccountPorts, 'clock' | 'table'>,
  lease: Lease,
): Promise<void> {
  const { guard, claim, patientMs } = lease;
  if (patientMs === undefined) {
    return;
  }
  for (await clock.sleep(extendEveryMs, stopped); !stopped.aborted; await clock.sleep(extendEveryMs, stopped)) {
    const leaseUntil = Math.min(guard.now() + leaseMs, guard.armed.wall + patientMs + lingerMs);
    const change = { kind: 'extend', owner: claim.owner, leaseUntil } as const;
    const isOurs = await table.write(change, guard.signal).catch(() => undefined);
    if (isOurs === false) {
      guard.cut();
      return;
    }
    if (isOurs) {
      lease.until = leaseUntil;
      guard.extend(extendedMs);
    }
  }
}
