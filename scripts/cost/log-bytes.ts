// Says how many bytes of log a call makes CloudWatch bill. Called by costs.ts.
import type { StackCounts } from './template.ts';

/** CloudWatch counts this much for each line besides its text. */
export const bytesBesideText = 26;

/** The bytes that CloudWatch bills for these lines. */
export function billedBytes(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + bytesBesideText, 0);
}

const requestId = '3f2b1c9e-0000-4000-8000-000000000001';
const time = '2026-01-15T12:00:00.000Z';

/**
 * The two lines that Lambda itself writes for a call that succeeds, at the system log levels INFO and DEBUG. Both are as long as
 * the examples of its documentation. At WARN, it writes lines only for what did not succeed.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 */
const ownLines = [
  { time, type: 'platform.start', record: { requestId, version: '12' } },
  {
    time,
    type: 'platform.report',
    record: {
      requestId,
      metrics: { durationMs: 1.234, billedDurationMs: 2, memorySizeMB: 512, maxMemoryUsedMB: 110 },
      status: 'success',
    },
  },
].map((line) => JSON.stringify(line));

/** The bytes of Lambda's own lines for a call that succeeds, at this system log level. */
export function ownBytes(systemLogLevel: string): number {
  return systemLogLevel === 'WARN' ? 0 : billedBytes(ownLines);
}

/** The bytes of the line that API Gateway writes for a call of this caller that succeeds. */
export function accessLogBytes({ accessLogFormat }: Pick<StackCounts, 'accessLogFormat'>, callerArn: string): number {
  const values: Readonly<Record<string, string>> = {
    'context.requestId': requestId,
    'context.requestTime': '15/Jan/2026:12:00:00 +0000',
    'context.identity.userArn': callerArn,
    'context.identity.accountId': '111111111111',
    'context.identity.sourceIp': '255.255.255.255',
    'context.httpMethod': 'POST',
    'context.resourcePath': '/token/{account}',
    'context.path': '/v1/token/main',
    'context.status': '200',
    'context.error.responseType': '-',
    'context.responseLatency': '12',
  };
  const line = accessLogFormat.replaceAll(/\$([\w.]+)/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) {
      throw new Error(`the access log has the new variable ${name}: add how long it is to scripts/cost/log-bytes.ts`);
    }
    return value;
  });
  return billedBytes([line]);
}
