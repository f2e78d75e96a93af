// Brings accounts to the moment at which real processes renew their tokens with a refresh token. Used by stampede.ts and takeover.ts.
import { createCallDynamo } from '../../lambda/aws/dynamodb.ts';
import { realTime } from '../support/skipping-clock.ts';
import { startProcess } from './process.ts';
import { type Servers, tableName } from './servers.ts';

/**
 * Logs in once for each account, in a process of its own, and takes the tokens out of the table as if they had expired long
 * ago. What Fegora has counted until then is forgotten.
 */
export async function leaveRefreshTokens(
  { env, tableUrl, fegora }: Pick<Servers, 'env' | 'tableUrl' | 'fegora'>,
  accounts: readonly string[],
): Promise<void> {
  const first = await startProcess(env);
  const replies = await Promise.all(accounts.map((account) => first.ask(account)));
  await first.end();
  const failed = replies.filter(({ error }) => error !== undefined);
  if (failed.length > 0) {
    throw new Error(`${failed.length} first logins failed: ${failed[0]?.error}`);
  }
  const call = callTable(tableUrl);
  for (const account of accounts) {
    const input = {
      Key: { account: { S: account } },
      UpdateExpression: 'REMOVE access_token, seal, bound_to, last_login',
      ConditionExpression: 'attribute_exists(refresh_token)',
    };
    await call('UpdateItem', { TableName: tableName, ...input }, new AbortController().signal);
  }
  fegora.resetCounters();
}

/** Calls the table that all processes share. */
export function callTable(tableUrl: string): ReturnType<typeof createCallDynamo> {
  const keys = () => ({ accessKeyId: 'local', secretAccessKey: 'not-a-real-key' });
  return createCallDynamo({ region: 'us-east-1', endpoint: tableUrl, keys }, realTime);
}
