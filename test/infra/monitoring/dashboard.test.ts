// Tests the dashboard (infra/monitoring/dashboard.ts): its questions, and that the function writes all that it names.
import { Stack } from 'aws-cdk-lib';
import { Alarm, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { describe, expect, test } from 'vitest';
import { alarmStates } from '../../../infra/monitoring/widgets.ts';
import { metricNames, metricNamespace } from '../../../lambda/telemetry/metric-names.ts';
import { exampleStack } from '../../../scripts/dashboard/example.ts';
import { readDashboard, type Widget } from '../../../scripts/dashboard/read.ts';
import { columnsOf, type Line, lineOf } from '../../../scripts/dashboard/series.ts';
import { datapointsOf } from '../../support/alarms/datapoints.ts';
import { fieldsOf, type Row, runQuery } from '../../support/dashboard/insights.ts';
import { everyLine } from '../../support/dashboard/lines.ts';
import { createApp, createStack } from '../support/synth.ts';

const stack = exampleStack();
const { widgets, start } = readDashboard(stack);
const lines = widgets.flatMap(({ properties }) => properties.metrics ?? []).map(lineOf);
const written = everyLine();

function titlesOf(all: readonly Widget[]): (string | undefined)[] {
  return all.map(({ properties: { title, markdown } }) => title ?? markdown?.split('**')[1]);
}

describe('the dashboard', () => {
  test('the dashboard answers the five questions in order, each below its line', () => {
    const questions = widgets.filter(({ type }) => type === 'text');
    expect(titlesOf(questions)).toEqual([
      '1. Are callers served?',
      '2. Which are not?',
      '3. Is Fegora well?',
      '4. Are logins as few as they should be?',
      '5. What changed?',
    ]);
    expect(questions.map(({ x, width, height }) => [x, width, height])).toEqual(questions.map(() => [0, 24, 1]));
    expect(questions.map(({ properties }) => properties.markdown?.includes('** Good: '))).not.toContain(false);
    expect(start).toBe('-PT12H');
  });

  test('the dashboard has no gap and no overlap, and each row fills the width', () => {
    const places = widgets.flatMap(({ x, y, width, height }) =>
      Array.from({ length: width * height }, (_, at) => `${x + (at % width)},${y + Math.floor(at / width)}`),
    );
    const bottom = Math.max(...widgets.map(({ y, height }) => y + height));
    expect(new Set(places).size).toBe(places.length);
    expect(places).toHaveLength(24 * bottom);
  });

  test('the dashboard leaves out what the access log says when there is none', () => {
    const { widgets: isolated } = readDashboard(createStack(createApp(), 'private'));
    const onlyWithLog = ['Calls that API Gateway answered itself'];
    expect(titlesOf(isolated)).toEqual(titlesOf(widgets).filter((title) => !onlyWithLog.includes(String(title))));
    expect(JSON.stringify(isolated)).not.toContain('DeniedByGateway');
  });

  test.each([1, 25])('the dashboard has the same graphs for %i accounts, and the alarm of each of them', (count) => {
    const ids = Array.from({ length: count }, (_, at) => `nit-${at + 1}`);
    const { widgets: shown } = readDashboard(exampleStack(ids));
    const ofType = (all: readonly Widget[], type: Widget['type']) => all.filter((one) => one.type === type);
    expect(titlesOf(ofType(shown, 'metric'))).toEqual(titlesOf(ofType(widgets, 'metric')));
    const alarms = ofType(shown, 'alarm').map(({ properties }) => properties.alarms ?? []);
    expect(alarms.flat().filter((id) => id.startsWith('AccountFails'))).toEqual(ids.map((id) => `AccountFails-${id}`));
    // CloudWatch refuses a widget with more.
    expect(Math.max(...alarms.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(new Set(alarms.flat()).size).toBe(18 + count);
  });
});

/** A metric with the names of its dimensions. */
function shapeOf({ name, dimensions }: Pick<Line, 'name' | 'dimensions'>): string {
  return [name, ...Object.keys(dimensions).sort()].join(' ');
}

/** `namespace|name|dimension=value|…` */
function shapeOfDatapoint(metric: string): string {
  const [, name, ...pairs] = metric.split('|');
  return [name, ...pairs.map((pair) => pair.split('=')[0])].join(' ');
}

describe('the metrics of the dashboard', () => {
  const emitted = new Set(written.flatMap(datapointsOf).map(({ metric }) => shapeOfDatapoint(metric)));
  const own = lines.filter(({ namespace }) => namespace === metricNamespace);

  test('the function writes each of its metrics with exactly these dimensions', () => {
    expect(own.length).toBeGreaterThan(20);
    expect(own.map(shapeOf).filter((shape) => !emitted.has(shape))).toEqual([]);
  });

  test('every metric that the function writes has a graph', () => {
    const shown = new Set(own.map(({ name }) => name));
    expect(Object.values(metricNames).filter((name) => !shown.has(name))).toEqual([]);
    expect([...emitted].filter((shape) => !shown.has(shape.split(' ')[0] ?? ''))).toEqual([]);
  });

  test('all are those of this broker when others in the AWS account have the same', () => {
    const [service] = new Set(own.map(({ dimensions }) => dimensions.service));
    expect(service).toMatch(/^BrokerFunction\w+$/);
    expect(own.filter(({ dimensions }) => dimensions.service !== service)).toEqual([]);
    const others = lines.filter(({ namespace }) => namespace !== metricNamespace);
    expect(others.filter(({ dimensions }) => (dimensions.FunctionName ?? service) !== service)).toEqual([]);
  });

  test('no graph adds milliseconds or seconds to counts', () => {
    const timed = new Set(['ClockSkew', 'LoginLatency', 'RemainingLife', 'Duration']);
    const mixed = widgets.filter(({ properties: { metrics = [] } }) => {
      const counted = metrics.map(lineOf).filter(({ isRight, statistic }) => !isRight && statistic !== 'SampleCount');
      return new Set(counted.map(({ name }) => timed.has(name))).size > 1;
    });
    expect(titlesOf(mixed)).toEqual([]);
  });
});

describe('the tables of the dashboard', () => {
  /** The lines as the log has them: two versions of the function wrote them. */
  const log = written.map((line, at): Row => {
    const stream = `2026/01/15/broker[${at < 10 ? 7 : 8}][0123456789abcdef]`;
    return { ...fieldsOf(line), '@logStream': stream, '@timestamp': String(line.timestamp) };
  });
  const accessLog: readonly Row[] = [
    { status: '200', error_type: '-', caller: 'arn:aws:sts::1:assumed-role/invoicing/one', source_ip: '203.0.113.1' },
    { status: '403', error_type: 'ACCESS_DENIED', caller: 'arn:aws:iam::1:user/bob', source_ip: '203.0.113.2' },
  ];

  function resultOf(title: string, of: readonly Row[] = log): readonly Row[] {
    const query = widgets.find(({ properties }) => properties.title === title)?.properties.query ?? '';
    const rows = runQuery(query.replace(/^SOURCE '\w+' \| /, ''), of);
    expect(new Set(rows.flatMap((row) => Object.keys(row)))).toEqual(new Set(columnsOf(query)));
    return rows;
  }

  test('the failed and refused calls have code, account and caller, without those of operators', () => {
    const rows = resultOf('Failed and refused calls and warm-ups');
    const last = expect.stringMatching(/^01-15T12:\d\d$/);
    for (const who of ['assumed-role/invoicing', 'account-main', 'warmup']) {
      expect(rows).toContainEqual({ code: 'upstream_timeout', account: 'main', who, calls: '1', last_seen: last });
    }
    // The record of a denial has the session.
    const denied = { code: 'forbidden', account: 'main', who: 'assumed-role/invoicing/session-1' };
    expect(rows).toContainEqual({ ...denied, calls: '1', last_seen: last });
    expect(rows.filter(({ who }) => who === 'admin')).toEqual([]);
  });

  test('the calls that API Gateway answered have their caller and address', () => {
    expect(resultOf('Calls that API Gateway answered itself', accessLog)).toEqual([
      { status: '403', error_type: 'ACCESS_DENIED', who: 'user/bob', source_ip: '203.0.113.2', calls: '1' },
    ]);
  });

  test('the logins have their account and outcome', () => {
    const logins = ['issued', 'invalid_grant', 'other_user'];
    expect(resultOf('Logins, by account')).toEqual(
      logins.map((outcome) => ({ account: 'main', outcome, logins: '1' })),
    );
  });

  test('what changed: the versions that ran, the tasks except warm-ups, the versions of secrets', () => {
    const versions = resultOf('Versions of the function');
    expect(versions.map(({ version }) => version)).toEqual(['7', '8']);
    const minute = expect.stringMatching(/^01-15T12:\d\d$/);
    expect(resultOf('New passwords, commands of operators')).toEqual([
      { minute, task: 'pause', target: 'main', outcome: 'done' },
      { minute, task: 'verify', target: 'main', outcome: 'renewed' },
    ]);
    expect(resultOf('Secret versions that tokens come from')).toEqual([
      { account: 'main', version: 'v1-00000', first_seen: minute, tokens: '1' },
      { account: 'main', version: 'v2-00000', first_seen: minute, tokens: '1' },
    ]);
  });
});

test('more alarms than a widget takes are in several widgets, each 100 at most', () => {
  const own = new Stack(createApp(), 'Stack');
  const alarms = Array.from({ length: 205 }, (_, index) => {
    const metric = new Metric({ namespace: 'n', metricName: 'm' });
    return new Alarm(own, `Alarm${index}`, { metric, threshold: 1, evaluationPeriods: 1 });
  });
  const counts = alarmStates('Alarms', alarms).flatMap((widget) =>
    widget.toJson().map(({ properties }: Widget & { properties: { alarms: unknown[] } }) => properties.alarms.length),
  );
  expect(counts).toEqual([100, 100, 5]);
  expect(alarmStates('Alarms', [])).toEqual([]);
});
