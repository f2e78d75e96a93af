// Starts a broker on loopback for an operator who follows a runbook. Used by test/scenario/alarms/runbooks.test.ts.
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { onTestFinished } from 'vitest';
import { startGateway } from '../../../local/gateway/gateway.ts';
import { captureOutput } from '../capture.ts';
import type { CommandLine, CommandResult } from '../cli/command.ts';
import { startGatewaySystem } from '../client/gateway-system.ts';
import { callerArn, httpEvent } from '../events/events.ts';
import { anchorOf, type Runbook, readRunbooks } from '../runbooks.ts';
import { type EntryPoints, type TestSystem, tableName } from '../test-system.ts';
import { parseQuery } from './insights.ts';

const runbooks = readRunbooks();

type Json = Readonly<Record<string, unknown>>;
type Item = Record<string, { S?: string; N?: string; BOOL?: boolean; SS?: string[] }>;

/** A broker with the accounts `main` and `other`, and an operator with all rights at its command line. */
export interface Scene {
  readonly servers: TestSystem;
  readonly broker: EntryPoints;
  /** Calls the API for `main`, unless another account is named. Returns the body of the answer. */
  readonly call: (options?: {
    readonly account?: string;
    readonly body?: Json;
    readonly role?: string;
  }) => Promise<Json>;
  readonly run: (args: readonly string[], typed?: readonly string[]) => Promise<CommandResult>;
  /** Changes the item of `main` in the table, as another principal could. */
  readonly tamper: (change: (item: Item) => void) => Promise<void>;
  /** What the part «Look at» of a runbook brings: what its commands print, the rows of its queries, and what doctor names. */
  readonly look: (heading: string) => Promise<Look>;
  /** Runs the only command of the part «Do» that begins like this. */
  readonly follow: (heading: string, begin: string, typed?: readonly string[]) => Promise<CommandResult>;
}

export interface Look {
  readonly printed: string;
  readonly rows: readonly Json[];
  /** Anchors of the runbooks that doctor names. */
  readonly named: readonly string[];
}

/** @param fegoraAheadMs how far Fegora's clock is ahead of ours */
export async function startScene(commands: CommandLine, env: Readonly<Record<string, string>> = {}, fegoraAheadMs = 0) {
  const output = captureOutput();
  const fegora = { now: () => Date.now() + fegoraAheadMs };
  const system = await startGatewaySystem({ accounts: ['main', 'other'], env, fegora });
  const { servers, entryPoints: broker } = system;
  const operator = { ...system.callers.all, aliases: ['*'] };
  const aliases = ['http', 'admin', 'account-main', 'account-other'];
  const gateway = await startGateway({ handler: broker.handler, callers: [operator], aliases });
  onTestFinished(async () => {
    output.stop();
    await gateway.close();
    await system.close();
  });

  const run: Scene['run'] = (args, typed) =>
    commands.run([...args, '--endpoint', gateway.url], {
      keys: operator,
      ...(typed !== undefined && { typed }),
      env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: servers.secrets.url },
    });

  const scene: Scene = {
    servers,
    broker,
    run,
    call: async ({ account = 'main', body = {}, role } = {}) => {
      const identity = { userArn: role === undefined ? callerArn : `arn:aws:sts::000000000000:assumed-role/${role}/s` };
      const { requestContext } = httpEvent({ account });
      const event = { requestContext: { ...Object(requestContext), identity } };
      return (await broker.http({ account, body: JSON.stringify(body), event })).body;
    },
    tamper: (change) => tamper(servers.tableUrl, change),
    look: async (heading) => {
      const { commands: all, queries } = partOf(heading, 'Look at');
      const lines = output.records();
      const printed: string[] = [];
      for (const args of all) {
        printed.push(...(await run(args)).out);
      }
      const { out } = await run(['doctor', '--output', 'json']);
      const { checks } = JSON.parse(out.join('')) as { checks: { runbook?: string }[] };
      return {
        printed: printed.join('\n'),
        rows: queries.flatMap((query) => parseQuery(query).run(lines)),
        named: checks.flatMap(({ runbook }) =>
          runbook === undefined ? [] : [runbook.replace('docs/operations.md#', '')],
        ),
      };
    },
    follow: (heading, begin, typed) => {
      const found = partOf(heading, 'Do').commands.filter((args) => args.join(' ').startsWith(begin));
      const [command = [`the runbook ${heading} has no command ${begin}`]] = found;
      return run(command, typed);
    },
  };
  return scene;
}

function partOf(heading: string, name: string) {
  const runbook: Runbook | undefined = runbooks.find((one) => anchorOf(one.heading) === anchorOf(heading));
  return runbook?.parts.find((part) => part.name === name) ?? { commands: [], queries: [] };
}

async function tamper(endpoint: string, change: (item: Item) => void): Promise<void> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'not-a-real-key' };
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint, credentials });
  const key = { TableName: tableName, Key: { account: { S: 'main' } } };
  const { Item: item = {} } = await client.send(new GetItemCommand(key));
  change(item as Item);
  await client.send(new PutItemCommand({ TableName: tableName, Item: item }));
  client.destroy();
}
