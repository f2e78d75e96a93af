// Searches for refresh tokens wherever the function writes or answers, in both modes, over real servers (promises 41, 44).
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { renewals } from '../../../lambda/config.ts';
import { captureOutput } from '../../support/capture.ts';
import { tableDatedBy } from '../../support/client/gateway-system.ts';
import { skippingClock } from '../../support/skipping-clock.ts';
import { startTestSystem, type TestSystem, tableName } from '../../support/test-system.ts';

/** What every refresh token of the simulator begins with: plain, and in base64 at any offset. Form and JSON do not change it. */
const mark = 'not-a-real-refresh-';
const forms = [mark, ...[0, 1, 2].map(base64Within)];

function base64Within(offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), Buffer.from(mark)]).toString('base64');
  return text.slice(offset === 0 ? 0 : 4, -4);
}

function hits(text: string): string[] {
  return forms.filter((form) => text.includes(form));
}

async function rowsOf({ tableUrl }: TestSystem) {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
  const client = new DynamoDBClient({ endpoint: tableUrl, region: 'us-east-1', credentials });
  const { Items = [] } = await client.send(new ScanCommand({ TableName: tableName }));
  client.destroy();
  return Items;
}

/** Everything that callers, operators and the schedule are answered over some lifetimes and some trouble. */
async function answersOf(system: TestSystem, skip: (ms: number) => void, start: TestSystem['environment']) {
  const answers: unknown[] = [];
  const call = async () => {
    const { http, invoke, warmup, admin } = start();
    answers.push(await http({ account: 'one' }));
    answers.push(await http({ account: 'one', body: '{"want":"metadata"}' }));
    answers.push(await invoke('one').catch((thrown: unknown) => String(Object(thrown).stack)));
    answers.push(await warmup(), await admin({ action: 'status' }));
  };
  const grant = 'refresh_token';
  await call();
  for (const begin of [
    () => {},
    () => system.fegora.logInElsewhere('user-one'),
    () => system.fegora.addFault({ kind: 'truncate', afterLogin: true, grant }),
    () => system.fegora.addFault({ kind: 'answer', status: 500, grant }),
    () => system.fegora.setPassword('user-one', 'not-a-real-password-2'),
  ]) {
    begin();
    skip(1_760_000);
    await call();
    skip(60_000);
    await call();
  }
  const { admin } = start();
  const verify = { action: 'verify', account: 'one' };
  answers.push(
    await admin(verify).catch((thrown: unknown) => String(Object(thrown).stack)),
    await admin({ action: 'purge', account: 'one' }),
  );
  answers.push(await admin({ action: 'status' }));
  return answers;
}

test.each(renewals)(
  'promise 41, promise 44: no answer and no line of the log has a refresh token (%s)',
  async (renewWith) => {
    const clock = skippingClock();
    const handlerOptions = { clock, random: () => 0.5 };
    const system = await startTestSystem({ env: { FEGORA_RENEW_WITH: renewWith }, handlerOptions });
    const table = await tableDatedBy(system.tableUrl, clock.now);
    const start = () => system.environment({ AWS_ENDPOINT_URL_DYNAMODB: table.url });
    const output = captureOutput();
    try {
      const first = start();
      await first.http({ account: 'one' });
      const [held] = (await rowsOf(system)).filter(({ account }) => account?.S === 'one');
      const answers = await answersOf(system, clock.skip, start);

      expect(answers.length).toBeGreaterThan(50);
      expect(hits(JSON.stringify(answers))).toEqual([]);
      expect(hits(output.text())).toEqual([]);
      expect(output.records().length).toBeGreaterThan(50);
      const { refresh_token: stored, ...others } = held ?? {};
      expect(hits(JSON.stringify(others))).toEqual([]);
      expect(hits(stored?.S ?? '')).toEqual(renewWith === 'password' ? [] : [mark]);
      const text = JSON.stringify(answers);
      expect(text.includes('"refresh_token":"held"')).toBe(renewWith === 'refresh_token');
      // What is left after the purge.
      expect(JSON.stringify((await rowsOf(system)).filter(({ account }) => account?.S === 'one'))).not.toContain(
        'refresh',
      );
      expect(system.fegora.counters().refreshes > 0).toBe(renewWith === 'refresh_token');
      expect(system.fegora.counters().overlapsInside).toBe(0);
    } finally {
      output.stop();
      await table.close();
      await system.close();
    }
  },
  60_000,
);
