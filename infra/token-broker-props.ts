import type { Duration } from 'aws-cdk-lib';
import type { IVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import type { Code } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Accounts } from './accounts.ts';
import type { ApiLogging, Throttle } from './api/stage.ts';

/** What a broker is made of. */
export interface TokenBrokerProps {
  /** The Fegora accounts, by id. */
  readonly accounts: Accounts;
  /**
   * The account of `POST /token`. Changing it later gives every holder of that right the new account's tokens.
   *
   * @default - the only account there is; with more than one, `POST /token` names no account
   */
  readonly defaultAccount?: string | undefined;
  /**
   * Fegora's login.
   *
   * @default https://api.fegora.com/token
   */
  readonly tokenUrl?: string | undefined;
  /**
   * The `client_id` of every login whose secret names none.
   *
   * @default apiApp
   */
  readonly clientId?: string | undefined;
  /**
   * Id of the AWS organisation outside of which nobody may call.
   *
   * @default - IAM and the grants alone decide
   */
  readonly organizationId?: string | undefined;
  /**
   * The VPC endpoints through which alone the API can be reached.
   *
   * @default - a regional API, reachable from anywhere
   */
  readonly vpcEndpoints?: readonly IVpcEndpoint[] | undefined;
  /**
   * Whether API Gateway may write an access log. A stage with one fails to deploy where the AWS account has no role
   * for it.
   *
   * @default account-has-role
   */
  readonly apiGatewayLogging?: ApiLogging | undefined;
  /**
   * Calls of each method.
   *
   * @default - 50 a second, 100 at once
   */
  readonly throttle?: Throttle | undefined;
  /**
   * How long logs, the audit among them, are kept.
   *
   * @default RetentionDays.SIX_MONTHS
   */
  readonly logRetention?: RetentionDays | undefined;
  /**
   * Megabytes.
   *
   * @default 512
   */
  readonly memorySize?: number | undefined;
  /**
   * Environments kept warm for the API.
   *
   * @default - none
   */
  readonly provisionedConcurrency?: number | undefined;
  /**
   * The most environments at once, taken from the AWS account's own limit.
   *
   * @default - no limit of its own
   */
  readonly reservedConcurrency?: number | undefined;
  /**
   * How often tokens are renewed ahead of need.
   *
   * @default - every 4 minutes
   */
  readonly warmUpEvery?: Duration | undefined;
  /**
   * Where alarms go.
   *
   * @default - they show in the console and on the dashboard alone
   */
  readonly alarmTopic?: ITopic | undefined;
  /**
   * The function's bundle, with `index.handler`.
   *
   * @default - the folder `dist/lambda`, made by `npm run build`
   */
  readonly code?: Code | undefined;
}
