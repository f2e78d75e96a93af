// The prices of AWS that the tables of costs use. Read by costs.ts and tables.ts.

/** One price. */
export interface Price {
  readonly what: string;
  /** US dollars for `per` units. */
  readonly usd: string;
  /** @default 1 */
  readonly per?: 10_000 | 1_000_000;
  /** AWS's own page, whose figures could not be read when the table was made. */
  readonly service: string;
  /** Where the figure was read. */
  readonly source: string;
}

/** The day on which the sources were read. */
export const readOn = '2026-11-27';

const signoz = '[guide of February 2026](https://signoz.io/guides/cloudwatch-pricing)';
const factual =
  '[guide of June 2026](https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/)';
const kmsGuide = '[guide of March 2026](https://cloudburn.io/blog/aws-kms-pricing)';
const rotationNews =
  "[AWS's announcement of 2024](https://aws.amazon.com/blogs/security/the-curious-case-of-faster-aws-kms-symmetric-key-rotation/)";
const dynamoGuide = '[guide, undated](https://airbyte.com/data-engineering-resources/dynamodb-pricing)';
const secretsGuide =
  '[guide, undated](https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms)';
const whitepapers = 'https://docs.aws.amazon.com/whitepapers/latest';

/** List prices of US East (N. Virginia), the first tier of each, without free tiers. */
export const prices = {
  alarm: {
    what: 'alarm, for each metric in it, a month',
    usd: '0.10',
    service: 'cloudwatch',
    source:
      '[list of a tool, undated](https://c3x.dev/resources/aws/aws_cloudwatch_metric_alarm); for each metric: from memory',
  },
  metric: { what: 'custom metric, a month', usd: '0.30', service: 'cloudwatch', source: signoz },
  dashboard: { what: 'dashboard, a month', usd: '3.00', service: 'cloudwatch', source: factual },
  logs: { what: 'GB of log', usd: '0.50', service: 'cloudwatch', source: factual },
  key: { what: 'key, a month', usd: '1.00', service: 'kms', source: kmsGuide },
  rotation: {
    what: 'first and second rotation of a key, each a month; none for later ones',
    usd: '1.00',
    service: 'kms',
    source: `${rotationNews} names the limit; the figures are from memory`,
  },
  keyCalls: { what: 'calls of a key', usd: '0.03', per: 10_000, service: 'kms', source: kmsGuide },
  secret: { what: 'secret, a month', usd: '0.40', service: 'secrets-manager', source: secretsGuide },
  secretReads: { what: 'reads of secrets', usd: '0.05', per: 10_000, service: 'secrets-manager', source: secretsGuide },
  invocations: {
    what: 'invocations',
    usd: '0.20',
    per: 1_000_000,
    service: 'lambda',
    source: `[AWS's whitepaper](${whitepapers}/how-aws-pricing-works/lambda.html)`,
  },
  lambdaTime: {
    what: 'GB-second on ARM',
    usd: '0.0000133334',
    service: 'lambda',
    source: '[guide of 2024](https://cloudchipr.com/blog/aws-lambda-pricing)',
  },
  tableReads: { what: 'read units', usd: '0.125', per: 1_000_000, service: 'dynamodb', source: dynamoGuide },
  tableWrites: { what: 'write units', usd: '0.625', per: 1_000_000, service: 'dynamodb', source: dynamoGuide },
  queueRequests: {
    what: 'requests to a queue',
    usd: '0.40',
    per: 1_000_000,
    service: 'sqs',
    source: '[guide of March 2026](https://cloudburn.io/blog/amazon-sqs-pricing)',
  },
  schedule: {
    what: 'runs of a schedule',
    usd: '1.00',
    per: 1_000_000,
    service: 'eventbridge',
    source: '[guide of March 2026](https://cloudburn.io/blog/amazon-eventbridge-pricing)',
  },
  api: {
    what: 'calls of a REST API',
    usd: '3.50',
    per: 1_000_000,
    service: 'api-gateway',
    source: `[AWS's whitepaper](${whitepapers}/best-practices-api-gateway-private-apis-integration/cost-optimization.html)`,
  },
} as const satisfies Readonly<Record<string, Price>>;
