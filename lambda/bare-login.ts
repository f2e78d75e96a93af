import { markOf } from './attempt.ts';
import { type Choice, createCredentialChoice } from './credential-choice.ts';
import { BrokerError } from './errors.ts';
import type { Flight, Outcome } from './flight.ts';
import { armGuard, type Guard, GuardExpired, loginLimitMs, loginNeedsMs } from './guard.ts';
import { holdMs } from './hold.ts';
import { holdOf, stealableAt } from './item.ts';
import { createSendLogin, type FailedLogin } from './login.ts';
import type { Ports } from './ports.ts';
import { type Known, type Recollection, remember } from './recollection.ts';

/** How often one environment logs in without the table, at most. Milliseconds. */
const everyMs = 60_000;

/**
 * The login without a claim that `FEGORA_WITHOUT_TABLE=login` buys while the table cannot be used: once per environment
 * in 60 s, less often where Fegora's answers ask for it, never with a version known to be refused, nor against a hold, a
 * pause or a lease that was read before. Environments do not know of each other then, so logins of one account may
 * overlap: who chooses it prefers that risk to an outage.
 */
export function createBareLogin(ports: Ports) {
  const { clock, observe, withoutTable } = ports;
  const choose = createCredentialChoice(ports);
  const sendLogin = createSendLogin(ports);

  /** @throws BrokerError `unusable` where no login is due, why one is not to be had, else whatever the login came to */
  return async (flight: Flight, recollection: Recollection, unusable: BrokerError): Promise<Outcome> => {
    const isDue = clock.monotonic() >= recollection.nextBareLogin;
    if (withoutTable !== 'login' || !isDue || flight.want.purpose !== 'serve' || flight.remaining() < loginNeedsMs) {
      throw unusable;
    }
    refuseWhatIsKnownToBeHeld(recollection.known, clock.now());
    recollection.nextBareLogin = clock.monotonic() + everyMs;
    observe({ kind: 'login_without_table', account: flight.account });
    const guard = armGuard(clock, { deadlineMs: loginLimitMs(flight.remaining()) });
    try {
      return await logIn(flight.account, recollection, guard);
    } catch (thrown) {
      throw thrown instanceof GuardExpired ? new BrokerError('deadline', 'the secret took too long') : thrown;
    } finally {
      guard.disarm();
    }
  };

  async function logIn(account: string, recollection: Recollection, guard: Guard): Promise<Outcome> {
    const item = { account, ...recollection.known };
    const choice = await choose({ item, recollection, past: false, signal: guard.signal });
    const sent = await sendLogin(account, choice.credentials, guard);
    if (sent.kind === 'issued') {
      recollection.bareFailures = { answer: '', inRow: 0 };
      return { token: sent.token, seen: sent.sent, source: 'upstream', kept: true };
    }
    noteFailure(recollection, choice, sent);
    throw sent.error;
  }

  function noteFailure(recollection: Recollection, { key, proving }: Choice, failed: FailedLogin): void {
    if (failed.answer === 'invalid_grant') {
      recollection.pendingMarks.set(key, markOf({ item: recollection.known, key, proving }, clock.now()));
      remember(recollection, key);
      return;
    }
    const { answer, inRow } = recollection.bareFailures;
    const failures = failed.answer === answer ? inRow + 1 : 1;
    recollection.bareFailures = { answer: failed.answer, inRow: failures };
    const heldMs = Math.max(everyMs, holdMs(failed, failures, ports.random()));
    recollection.nextBareLogin = clock.monotonic() + heldMs;
  }
}

/** A hold, a pause and another's lease are heeded to their end, though nobody can tell by now what became of them. */
function refuseWhatIsKnownToBeHeld(known: Known, now: number): void {
  const held = holdOf(known, now);
  if (held !== undefined) {
    throw held;
  }
  const retryAfterMs = stealableAt(known) - now;
  if (retryAfterMs >= 0) {
    throw new BrokerError('renewal_in_progress', 'another login was under way when the table was last read', {
      retryAfterMs,
    });
  }
}
