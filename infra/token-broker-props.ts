// Declares the props of the construct TokenBroker. Used by token-broker.ts, stack.ts and settings/settings.ts.
import type { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, IVpcEndpoint, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Code } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Accounts } from './accounts.ts';
import type { ApiLogging } from './api/access-log.ts';
import type { ApiDomain } from './api/domain.ts';
import type { Throttle } from './api/stage.ts';
import type { AlarmThresholds, AlarmTopics } from './monitoring/alarm-names.ts';
import type { LoginBudget } from './resources/environment.ts';

/** Settings of a broker. Only `accounts` is required. */
export interface TokenBrokerProps {
  /** Fegora accounts by id. At least one, unless `openAccounts` is `true`. */
  readonly accounts: Accounts;
  /**
   * The account of `POST /token`. If you change it later, every caller with a right on that path gets the tokens of the
   * new account.
   *
   * @default - the only account; if there are several accounts, `POST /token` serves none
   */
  readonly defaultAccount?: string | undefined;
  /**
   * Whether every secret is an account whose name is `secretPrefix` and an id, and which has the tag `fegora-token-broker` with the name of
   * the stack. `fegora-broker accounts add` makes such secrets, without a deployment. If you set this to `false` later, these accounts are
   * unknown to their callers, and their secrets stay. With `with-metrics`, each of them that is called has the metric `Failed` of its
   * own, for 0.30 USD a month.
   *
   * @default false
   */
  readonly openAccounts?: boolean | 'with-metrics' | undefined;
  /**
   * How the secrets are named that the stack creates: by CloudFormation, or each after the id of its account, as `secretPrefix` says.
   * About 45 accounts with generated names fit into one broker, and about 100 with names from ids.
   *
   * A secret cannot be renamed. On a stack that is deployed, add `secretName: 'generated'` to each account that it has before you
   * set this to `from-ids`. If you forget it, CloudFormation refuses the deployment and changes nothing.
   *
   * @default generated
   */
  readonly secretNames?: 'generated' | 'from-ids' | undefined;
  /**
   * What the names of secrets that follow from ids begin with. Other brokers of the same AWS account and region need other prefixes. Never
   * change it while a secret has such a name: all accounts would get new secrets, without values.
   *
   * @default - `fegora/`, a name that only this construct of this stack has, and a slash
   */
  readonly secretPrefix?: string | undefined;
  /**
   * URL of Fegora's token endpoint, https only.
   *
   * @default https://api.fegora.com/token
   */
  readonly tokenUrl?: string | undefined;
  /**
   * The `client_id` for every secret that does not name one.
   *
   * @default apiApp
   */
  readonly clientId?: string | undefined;
  /**
   * How many logins one Fegora user gets in an hour and in a day, each a whole number from 1 to 250. Tokens that live so short that they
   * need more get four logins in each lifetime.
   *
   * @default - 12 an hour, 150 a day
   */
  readonly loginBudget?: LoginBudget | undefined;
  /**
   * What tokens are renewed with. With `refresh_token`, the password is sent only if there is no usable refresh token, and the table
   * holds the refresh token.
   *
   * @default password
   */
  readonly renewWith?: 'password' | 'refresh_token' | undefined;
  /**
   * Id of an AWS organisation. The API denies all callers outside of it.
   *
   * @default - only IAM policies and the grants decide
   */
  readonly organizationId?: string | undefined;
  /**
   * VPC endpoints. If given, the API is private and can only be reached through them.
   *
   * @default - a regional API, which can be reached from everywhere
   */
  readonly vpcEndpoints?: readonly IVpcEndpoint[] | undefined;
  /**
   * Host name of the API. Callers sign for `execute-api` as before. The name that API Gateway chooses continues to
   * work. A private API cannot have one.
   *
   * @default - only the name that API Gateway chooses
   */
  readonly domainName?: ApiDomain | undefined;
  /**
   * VPC of the function, for example to call Fegora from a fixed address. The VPC needs a way out to Fegora, Secrets
   * Manager and DynamoDB, such as a NAT gateway.
   *
   * @default - the function is in no VPC of yours, and its address changes
   */
  readonly vpc?: IVpc | undefined;
  /**
   * Subnets of the function. Public and isolated subnets are refused, because a function has no way out of them.
   *
   * @default - the private subnets of the VPC that have a way out
   */
  readonly vpcSubnets?: SubnetSelection | undefined;
  /**
   * Security groups of the function.
   *
   * @default - a new security group that only lets out HTTPS and the port of `tokenUrl`
   */
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
  /**
   * Key for the secrets and the table, in the region of the stack. The stack adds the statements that the broker needs
   * to the policy of the key. If the key is imported, the stack cannot do that, and synth warns.
   *
   * @default - a new key, which no IAM policy can use except through Secrets Manager and DynamoDB
   */
  readonly encryptionKey?: IKey | undefined;
  /**
   * What happens to the key, the secrets, the table and the logs when the stack is deleted: `RETAIN` or `DESTROY`.
   * `DESTROY` deletes the credentials, so use it only for tests. A key or a secret of yours always stays.
   *
   * @default - CloudFormation keeps them, and deletes only what a failed first deployment has created
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
  /**
   * Whether X-Ray traces the API and the function. Traces contain the text of thrown errors.
   *
   * @default false
   */
  readonly tracing?: boolean | undefined;
  /**
   * Whether API Gateway writes an access log. The deployment of a stage with an access log fails if the AWS account has
   * no role for it.
   *
   * @default account-has-role
   */
  readonly apiGatewayLogging?: ApiLogging | undefined;
  /**
   * Maximum rate of calls, for each method.
   *
   * @default - 500 a second, 1000 at once
   */
  readonly throttle?: Throttle | undefined;
  /**
   * How long all logs are kept, including the audit record.
   *
   * @default RetentionDays.SIX_MONTHS
   */
  readonly logRetention?: RetentionDays | undefined;
  /**
   * Memory of the function, in megabytes.
   *
   * @default 512
   */
  readonly memorySize?: number | undefined;
  /**
   * Number of execution environments that Lambda keeps warm for the API.
   *
   * @default - none
   */
  readonly provisionedConcurrency?: number | undefined;
  /**
   * Maximum number of execution environments at once. Lambda takes it from the limit of the AWS account.
   *
   * @default - only the limit of the AWS account applies
   */
  readonly reservedConcurrency?: number | undefined;
  /**
   * Time between two warm-ups, which renew tokens ahead of need.
   *
   * @default - every 4 minutes
   */
  readonly warmUpEvery?: Duration | undefined;
  /**
   * How many warm-ups of accounts in use run at the same time, from 10 to 5000. It limits the logins of all accounts together, except
   * those that callers start. `false`: no account is kept warm by use, so the call that finds no token of an open account waits for
   * the login.
   *
   * @default - 50 with `openAccounts`, or if an account has `keepWarm: 'in-use'`. Otherwise, there is no queue of warm-ups
   */
  readonly warmUpsAtOnce?: number | false | undefined;
  /**
   * Whether there are alarms. An object sets other thresholds, or leaves out single alarms with `false`.
   *
   * @default - every alarm, with its default threshold
   */
  readonly alarms?: boolean | AlarmThresholds | undefined;
  /**
   * Whether there is a dashboard.
   *
   * @default true
   */
  readonly dashboard?: boolean | undefined;
  /**
   * SNS topic for the alarms, or a topic for each severity.
   *
   * @default - alarms only appear in the console and on the dashboard
   */
  readonly alarmTopic?: ITopic | AlarmTopics | undefined;
  /**
   * The bundle of the function. Its handler is `index.handler`.
   *
   * @default - the bundle that is part of the package
   */
  readonly code?: Code | undefined;
}
