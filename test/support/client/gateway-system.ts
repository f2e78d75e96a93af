// Starts a broker as a caller sees it: gateway, function, table, secrets, Fegora. Used by scenario tests.
import { createServer, request } from 'node:http';
import { localCallers } from '../../../local/gateway/callers.ts';
import { type Gateway, startGateway } from '../../../local/gateway/gateway.ts';
import { type LoopbackServer, listen } from '../../../local/loopback.ts';
import { type EntryPoints, startTestSystem, type TestSystem, type TestSystemOptions } from '../test-system.ts';

/** A broker with its gateway, as a caller sees it. */
export interface GatewaySystem {
  /** The servers that the function calls: Fegora, Secrets Manager, the table. */
  readonly servers: TestSystem;
  readonly gateway: Gateway;
  /** The AWS keys of the gateway's callers, by name. */
  readonly callers: ReturnType<typeof localCallers>;
  /** The aliases that were invoked, in order. */
  readonly invoked: string[];
  /** Calls the first environment directly, without the gateway. */
  readonly entryPoints: EntryPoints;
  readonly close: () => Promise<void>;
}

export interface GatewaySystemOptions extends TestSystemOptions {
  /** How many execution environments there are. The calls go to them in turn. @default 1 */
  readonly environments?: number;
}

/** Starts the gateway, which checks signatures and rights, the function, and everything that the function calls. */
export async function startGatewaySystem(options: GatewaySystemOptions = {}): Promise<GatewaySystem> {
  const { accounts = ['one', 'two'], environments = 1, handlerOptions = {} } = options;
  const servers = await startTestSystem({ accounts, ...options });
  const { clock } = handlerOptions;
  const table = clock && (await tableDatedBy(servers.tableUrl, clock.now));
  const tableEnv = table && { AWS_ENDPOINT_URL_DYNAMODB: table.url };
  const entryPoints = servers.environment(tableEnv);
  const allEntryPoints = [
    entryPoints,
    ...Array.from({ length: environments - 1 }, () => servers.environment(tableEnv)),
  ];
  const invoked: string[] = [];
  const callers = localCallers(accounts[0] ?? 'one');
  const gateway = await startGateway({
    handler: async (event, context) => {
      invoked.push(context.invokedFunctionArn.split(':').at(-1) ?? '');
      return allEntryPoints[invoked.length % allEntryPoints.length]?.handler(event, context);
    },
    callers: Object.values(callers),
    aliases: ['http', 'warmup', 'admin', ...accounts.map((account) => `account-${account}`)],
    ...(clock && { now: clock.now }),
  });
  return {
    servers,
    gateway,
    callers,
    invoked,
    entryPoints,
    close: async () => {
      await gateway.close();
      await table?.close();
      await servers.close();
    },
  };
}

/**
 * Starts a proxy for the table that sets the `date` of its responses, because the broker compares its clock with it.
 *
 * @param now epoch milliseconds
 */
export async function tableDatedBy(server: string, now: () => number): Promise<LoopbackServer> {
  return listen(
    createServer((incoming, outgoing) => {
      const { method, url = '', headers } = incoming;
      const forwarded = request(`${server}${url}`, { method, headers, agent: false }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, date: new Date(now()).toUTCString() });
        answer.pipe(outgoing);
      });
      forwarded.once('error', () => outgoing.destroy());
      incoming.pipe(forwarded);
    }),
  );
}
