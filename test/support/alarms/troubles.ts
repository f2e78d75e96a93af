// What goes wrong for the runbooks of docs/operations.md, and what they bring to light. Used by test/scenario/alarms/runbooks.test.ts.
import { secretOf } from '../test-system.ts';
import { fegoraTroubles, type Trouble } from './fegora-troubles.ts';
import type { Scene } from './scene.ts';

/** Reports the token that the caller got, so often. */
async function reject({ call }: Scene, times: number, role: string): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const { token_sha256: rejected } = await call({ role });
    await call({ role, body: { rejected } });
  }
}

/** Each trouble that a broker on loopback can have within a second. */
export const troubles: readonly Trouble[] = [
  ...fegoraTroubles,
  {
    runbook: 'CallsFail',
    what: 'a caller reports each token',
    breakIt: (scene) => reject(scene, 4, 'abuser'),
    row: { code: 'too_many_rejections', caller_role: 'arn:aws:sts::000000000000:assumed-role/abuser' },
  },
  {
    runbook: 'SecuritySigns',
    what: 'two accounts have one user',
    breakIt: async ({ servers, call }) => {
      await call();
      servers.secrets.put('fegora/other', secretOf('main'));
      await call({ account: 'other' });
    },
    row: { code: 'duplicate_user', account: 'other' },
  },
  {
    runbook: 'SecuritySigns',
    what: 'the seal of a stored token is false',
    breakIt: async ({ servers, call, tamper }) => {
      await call();
      await tamper((item) => {
        item.lifetime_ms = { N: '18000000' };
      });
      await servers.environment().admin({ action: 'status' });
    },
    row: { message: 'token_malformed', account: 'main' },
  },
  {
    runbook: 'OperatorFaults',
    what: 'the configuration has a fault',
    env: { FEGORA_TOKEN_URL: 'ftp://fegora' },
    breakIt: ({ call }) => call(),
    row: { code: 'configuration', detail: 'at fault: FEGORA_TOKEN_URL' },
    named: 'operatorfaults',
  },
  {
    runbook: 'OperatorFaults',
    what: 'the role may not read the secret',
    breakIt: ({ servers, call }) => {
      servers.secrets.breakWith('denied');
      return call();
    },
    row: { code: 'configuration', detail: 'GetSecretValue: AccessDeniedException' },
    named: 'operatorfaults',
  },
  {
    runbook: 'OperatorFaults',
    what: 'the secret is marked for deletion',
    breakIt: ({ servers, call }) => {
      servers.secrets.remove('fegora/main');
      return call();
    },
    row: { code: 'secret_missing', account: 'main' },
    prints: 'marked for deletion',
    named: 'operatorfaults',
  },
  {
    runbook: 'SecretUnavailable',
    what: 'Secrets Manager fails',
    breakIt: ({ servers, call }) => {
      servers.secrets.breakWith('failed');
      return call();
    },
    row: { account: 'main', detail: 'GetSecretValue: InternalServiceError' },
    prints: 'secret unavailable',
    named: 'secretunavailable',
  },
  {
    runbook: 'TableUnavailable',
    what: 'nothing answers for the table',
    env: { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' },
    breakIt: ({ call }) => call(),
    row: { message: 'call failed', account: 'main' },
    prints: 'not readable',
    named: 'tableunavailable',
  },
  {
    runbook: 'BudgetHalfUsed',
    what: 'two callers report tokens',
    env: { FEGORA_LOGINS_PER_HOUR: '8' },
    breakIt: async (scene) => {
      await reject(scene, 3, 'abuser');
      await reject(scene, 1, 'shop');
    },
    row: { caller: 'arn:aws:sts::000000000000:assumed-role/abuser/s', account: 'main' },
    prints: '5 / 5',
  },
  {
    runbook: 'PausedLong',
    what: 'an operator has paused the account',
    breakIt: ({ run }) => run(['pause', 'main']),
    row: { task: 'pause', account: 'main' },
    prints: 'paused',
    named: 'pausedlong',
  },
  {
    runbook: 'Throttles',
    what: 'a caller does not keep its token',
    breakIt: async ({ call }) => {
      await call();
      await call();
    },
    row: { calls: 2, account: 'main' },
  },
  {
    runbook: 'NoWarmUp',
    what: 'a warm-up ran once',
    breakIt: ({ broker }) => broker.warmup(),
    row: { runs: 1 },
  },
  {
    runbook: 'Denied',
    what: 'a caller asks for an account that is not there',
    breakIt: ({ call }) => call({ account: 'removed' }),
    row: { code: 'unknown_account', account: 'removed', calls: 1 },
  },
  {
    runbook: 'Denied',
    what: 'an operator runs doctor',
    breakIt: ({ run }) => run(['doctor']),
    row: { code: 'invalid_request', detail: 'rejected is not a SHA-256 in hex', account: 'other' },
  },
  {
    runbook: 'An item that the broker cannot use',
    what: 'another principal has changed the item',
    breakIt: damage,
    row: { message: 'item_malformed', account: 'main' },
    prints: 'fault            marks',
    named: 'an-item-that-the-broker-cannot-use',
  },
];

/** Writes an item that no broker writes, whose last login is long over. */
export async function damage({ servers, call, tamper }: Scene): Promise<void> {
  await call();
  await tamper((item) => {
    item.marks = { S: 'no' };
    item.lease_until = { N: '1' };
  });
  await servers.environment().http({ account: 'main' });
}
