// Counts lines of the API's access log with the metric filters of a template, as CloudWatch does. Used by the tests of the alarms.
import type { Template } from 'aws-cdk-lib/assertions';
import { metricKey } from './datapoints.ts';

/** A line of the access log, as far as the filters look at it. The function's own answers have the error type `-`. */
export interface AccessLogLine {
  readonly status: string;
  readonly error_type: string;
}

/** Returns the function that names the metrics in which a line counts. */
export function accessLogOf(template: Template): (line: AccessLogLine) => readonly string[] {
  const filters = Object.values(template.findResources('AWS::Logs::MetricFilter')).map(({ Properties }) => ({
    pattern: String(Properties.FilterPattern),
    metric: metricKey('AccessLog', Properties.MetricTransformations[0].MetricName, {}),
  }));
  return (line) => filters.filter(({ pattern }) => isMatch(pattern, line)).map(({ metric }) => metric);
}

/**
 * Whether a pattern of comparisons with texts, in brackets, is true for a line.
 *
 * @throws Error if the pattern has anything else
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
function isMatch(pattern: string, line: AccessLogLine): boolean {
  let left = pattern
    .replace(/^\{ (.*) \}$/, '($1)')
    .replace(/\$\.(\w+) (!?=) "([^"]*)"/g, (_, name, operator, value) =>
      isLike(Reflect.get(line, name), value) === (operator === '=') ? 'T' : 'F',
    );
  for (let before = ''; before !== left; ) {
    before = left;
    left = left
      .replace(/\(([TF])\)/g, '$1')
      .replace(/\(([TF])(?: && [TF])+\)/g, (all) => (all.includes('F') ? 'F' : 'T'))
      .replace(/\(([TF])(?: \|\| [TF])+\)/g, (all) => (all.includes('T') ? 'T' : 'F'));
  }
  if (!/^[TF]$/.test(left)) {
    throw new Error(`the evaluator does not know the pattern ${pattern}`);
  }
  return left === 'T';
}

/** An asterisk at the end of the pattern stands for any text. */
function isLike(text: unknown, value: string): boolean {
  return value.endsWith('*') ? String(text).startsWith(value.slice(0, -1)) : text === value;
}
