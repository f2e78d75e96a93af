import { createCredentialChoice } from './credential-choice.ts';
import { BrokerError } from './errors.ts';
import { armGuard, GuardExpired, loginLimitMs, loginNeedsMs } from './guard.ts';
import { createSendLogin } from './login.ts';
import type { Ports } from './ports.ts';
import type { Recollection } from './recollection.ts';
import type { Flight, Outcome } from './renewal.ts';

/** How often one environment logs in without the table, at most. Milliseconds. */
const everyMs = 60_000;

/**
 * The login without a claim that `FEGORA_WITHOUT_TABLE=login` buys while the table cannot be reached: once per
 * environment in 60 s, never with a version known to be refused. Environments do not know of each other then, so logins
 * of one account may overlap: who chooses it prefers that risk to an outage.
 */
export function createBareLogin(ports: Ports) {
  const { clock, observe, withoutTable } = ports;
  const choose = createCredentialChoice(ports);
  const sendLogin = createSendLogin(ports);

  /** @throws BrokerError `unreachable` where no login is due, else whatever the login came to */
  return async (flight: Flight, memory: Recollection, unreachable: BrokerError): Promise<Outcome> => {
    const isDue = clock.monotonic() - memory.bareLoginAt >= everyMs;
    if (withoutTable !== 'login' || !isDue || flight.want.purpose !== 'serve' || flight.remaining() < loginNeedsMs) {
      throw unreachable;
    }
    memory.bareLoginAt = clock.monotonic();
    observe({ kind: 'login_without_table', account: flight.account });
    return await logIn(flight, memory);
  };

  async function logIn({ account, remaining }: Flight, memory: Recollection): Promise<Outcome> {
    const guard = armGuard(clock, { deadlineMs: loginLimitMs(remaining()) });
    try {
      const item = { account, marks: memory.marks };
      const { credentials, key } = await choose({ item, memory, past: false, signal: guard.signal });
      const sent = await sendLogin(account, credentials, guard);
      if (sent.kind === 'issued') {
        return { token: sent.token, seen: sent.sent, source: 'upstream', kept: true };
      }
      if (sent.answer === 'invalid_grant') {
        memory.pendingMark = { kind: 'mark', key, at: clock.now() };
      }
      throw sent.error;
    } catch (thrown) {
      throw thrown instanceof GuardExpired ? new BrokerError('deadline', 'the secret took too long') : thrown;
    } finally {
      guard.disarm();
    }
  }
}
