// Runs the whole function on virtual time for an hour of trouble, and says which alarms rang. Used by test/scenario/alarms.
import { onTestFinished } from 'vitest';
import { createRouter, type Handler } from '../../../lambda/events/router.ts';
import { createTelemetry, type Telemetry } from '../../../lambda/telemetry/telemetry.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../cluster.ts';
import { callFunction } from '../events/call-function.ts';
import { httpEvent, lambdaContext } from '../events/events.ts';
import type { TemplateAlarm } from './alarm.ts';
import { createWatch, functionName, lambdaMetric, type Rung } from './watch.ts';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
/** The schedule of the stack. */
const betweenWarmUpsMs = 4 * minuteMs;
/** A step of the load. */
const stepMs = 10 * secondMs;
/** How long all is well before the trouble: a token and a renewal. */
const calmMs = 30 * minuteMs;

/** A function with its table, secrets and Fegora, and those who watch it. */
export interface Hour {
  readonly cluster: Cluster;
  readonly watch: ReturnType<typeof createWatch>;
  /** Makes one call through the API, in the name of this role. Returns the answer's body. */
  readonly call: (role: string, account: string, body?: string) => Promise<Readonly<Record<string, unknown>>>;
  /** All is well for half an hour; then the trouble begins and stays for an hour. Says what rang in that hour. */
  readonly live: (options: { readonly load: Load; readonly trouble?: () => void }) => Promise<Rung>;
}

/** What callers do in each step of 10 seconds. */
export type Load = (step: number) => readonly Promise<unknown>[];

export async function startHour(alarms: readonly TemplateAlarm[], options: ClusterOptions = {}): Promise<Hour> {
  const watch = createWatch(alarms);
  onTestFinished(watch.stop);
  let telemetry: Telemetry | undefined;
  const cluster = await startCluster({
    environments: 2,
    ...options,
    observe: (noticed) => telemetry?.observe(noticed),
  });
  telemetry = createTelemetry(functionName, cluster.clock.now);
  const accounts = new Map(Object.entries({ main: 'fegora/main', ...options.accounts }));
  const handlers = cluster.brokers.map((broker) =>
    createRouter({
      config: { accounts, defaultAccount: undefined },
      broker,
      random: () => 0,
      now: cluster.clock.now,
      report: telemetry,
    }),
  );
  const invoke = createInvoke(handlers, { cluster, watch });

  const call: Hour['call'] = async (role, account, body) => {
    const identity = { userArn: `arn:aws:sts::000000000000:assumed-role/${role}/session` };
    const event = httpEvent({ account, ...(body !== undefined && { body }) });
    const { requestContext } = event;
    return bodyOf(await invoke('http', { ...event, requestContext: { ...Object(requestContext), identity } }));
  };

  async function run(load: Load, forMs: number): Promise<void> {
    const open: Promise<unknown>[] = [];
    for (let step = 0; step * stepMs < forMs; step += 1) {
      open.push(...load(step));
      if ((step * stepMs) % betweenWarmUpsMs === 0) {
        open.push(invoke('warmup', {}));
      }
      await cluster.pass(stepMs);
    }
    await cluster.until(...open);
  }

  return {
    cluster,
    watch,
    call,
    live: async ({ load, trouble = () => {} }) => {
      await run(load, calmMs);
      const from = cluster.clock.now();
      trouble();
      await run(load, 60 * minuteMs);
      return watch.rung({ from, to: from + 60 * minuteMs });
    },
  };
}

/** Invokes the environments in turn, and counts as Lambda does. */
function createInvoke(handlers: readonly Handler[], { cluster, watch }: Pick<Hour, 'cluster' | 'watch'>) {
  const { clock } = cluster;
  let calls = 0;
  return async (alias: 'http' | 'warmup', event: unknown): Promise<unknown> => {
    const handle = handlers[calls % handlers.length];
    calls += 1;
    const at = clock.now();
    const startedAt = clock.monotonic();
    const add = (name: Parameters<typeof lambdaMetric>[0], value: number) =>
      watch.add({ metric: lambdaMetric(name, alias), at, value });
    add('Invocations', 1);
    try {
      return (
        handle &&
        (await callFunction(
          handle,
          event,
          lambdaContext(alias, () => 25_000 - (clock.monotonic() - startedAt)),
        ))
      );
    } catch {
      add('Errors', 1);
      return undefined;
    } finally {
      add('Duration', clock.monotonic() - startedAt);
    }
  };
}

function bodyOf(answer: unknown): Readonly<Record<string, unknown>> {
  return JSON.parse(String(Object(answer).body));
}
