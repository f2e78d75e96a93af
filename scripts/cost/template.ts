// Synthesises the smallest stage, and counts what its template makes AWS bill. Called by costs.ts.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { parseSettings } from '../../infra/settings/settings.ts';
import { TokenBrokerStack } from '../../infra/stack.ts';

/** What a template has. */
export interface StackCounts {
  readonly keys: number;
  /** How often the key gets new material. Days; undefined if never. */
  readonly rotationDays: number | undefined;
  readonly secrets: number;
  readonly dashboards: number;
  readonly alarms: number;
  /** The metrics in all alarms. */
  readonly alarmMetrics: number;
  readonly memoryMb: number;
  readonly warmUpMinutes: number;
  readonly systemLogLevel: string;
  /** A line of the API's log, with variables. */
  readonly accessLogFormat: string;
}

type Properties = Readonly<Record<string, unknown>>;

/** Counts in the template of a stage with these accounts and otherwise no settings. Takes half a second. */
export function countStack(accounts: readonly string[]): StackCounts {
  const template = synthesise({ accounts: Object.fromEntries(accounts.map((account) => [account, {}])) });
  const all = (type: string): Properties[] =>
    Object.values(template.findResources(type)).map(({ Properties: properties }) => properties);
  const only = (type: string): Properties => all(type)[0] ?? {};
  const alarms = all('AWS::CloudWatch::Alarm');
  const broker = only('AWS::Lambda::Function');
  const { EnableKeyRotation, RotationPeriodInDays = 365 } = only('AWS::KMS::Key');
  return {
    keys: all('AWS::KMS::Key').length,
    rotationDays: EnableKeyRotation === true ? Number(RotationPeriodInDays) : undefined,
    secrets: all('AWS::SecretsManager::Secret').length,
    dashboards: all('AWS::CloudWatch::Dashboard').length,
    alarms: alarms.length,
    alarmMetrics: alarms.reduce((sum, alarm) => sum + metricsIn(alarm), 0),
    memoryMb: Number(broker.MemorySize),
    warmUpMinutes: minutesOf(only('AWS::Scheduler::Schedule').ScheduleExpression),
    systemLogLevel: String(Object(broker.LoggingConfig).SystemLogLevel ?? 'INFO'),
    accessLogFormat: String(Object(only('AWS::ApiGateway::Stage').AccessLogSetting).Format),
  };
}

/** As `cdk synth` does with `cdk.json`, without the bundle and without a second validation. */
function synthesise(stage: object): Template {
  const { context } = JSON.parse(readFileSync(join(import.meta.dirname, '../../cdk.json'), 'utf8'));
  const outdir = mkdtempSync(join(tmpdir(), 'cost-'));
  try {
    const app = new App({
      outdir,
      context: { ...context, '@aws-cdk/core:annotationsInValidationReport': false },
      builtinCloudFormationValidation: false,
      analyticsReporting: false,
    });
    const settings = parseSettings({ stage }, 'stage');
    return Template.fromStack(new TokenBrokerStack(app, 'Broker', { ...settings, code: Code.fromInline('-') }));
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** CloudWatch bills each metric of an alarm. @throws Error for a period that has another price */
function metricsIn({ Period, Metrics }: Properties): number {
  const stats = Array.isArray(Metrics) ? Metrics.flatMap(({ MetricStat }) => MetricStat ?? []) : [{ Period }];
  if (stats.some(({ Period: period }) => Number(period) < 60)) {
    throw new Error('an alarm has a period under a minute: add the price of high resolution to scripts/cost/prices.ts');
  }
  return stats.length;
}

function minutesOf(expression: unknown): number {
  const [, minutes] = /^rate\((\d+) minutes?\)$/.exec(String(expression)) ?? [];
  return Number(minutes);
}
