// Declares what a broker can do, for own and imported ones. Used by token-broker-base.ts, connect.ts and the probe.
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IAlias, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';

/** How a function gets its tokens. */
export interface ConnectOptions {
  /**
   * `api` calls API Gateway, which needs no AWS SDK in the function and has an access log. `invoke` invokes the
   * function of the broker, which needs no way to API Gateway.
   *
   * @default api
   */
  readonly via?: 'api' | 'invoke' | undefined;
}

/** A broker of this stack, or of another one. */
export interface ITokenBroker extends IConstruct {
  /** Base of the paths `token` and `token/<account>`, with a slash at its end. */
  readonly url: string;
  /** Name of the function. Callers can only invoke its aliases: see `aliasOf`. */
  readonly functionName: string;
  /** ARN of the function, without an alias. */
  readonly functionArn: string;
  /** Ids of the accounts. */
  readonly accounts: readonly string[];
  /** Whether the API can only be reached through VPC endpoints. */
  readonly isPrivate: boolean;
  /**
   * Returns the alias for direct calls on one account.
   *
   * @throws Error if the broker does not have the account
   */
  aliasOf(account: string): IAlias;
  /**
   * Lets a role or a user call the API for one account. If that is the default account, the grantee can also call
   * `POST /token`. A grantee of another AWS account also needs the same right in its own policy.
   *
   * @throws Error if the grantee is not one role or one user, or if the broker does not have the account. For an own broker
   *   also if the grantee is in a stack of another region or AWS account, or the API is private and the grantee is in another
   *   stack. For an imported broker also if the stack cannot change the policy of the grantee
   */
  grantToken(grantee: IGrantable, account: string): Grant;
  /**
   * Lets a role or a user call the API for the account that its tag names: a session tag, or a tag of the role or of the
   * user. One grant covers any number of accounts. Without the tag, the grantee may call nothing, and it never may call
   * `POST /token`. The principal that sets the tag chooses the account, so read the warning of synth.
   *
   * @param tagKey up to 128 letters from a to z, digits and `_.:/=+-@`
   * @throws Error if no tag can have that key, or for the reasons of `grantToken`
   */
  grantTokenByTag(grantee: IGrantable, tagKey: string): Grant;
  /**
   * Lets a role or a user call the API for every account, also for those that you add later, and for the default account by
   * `POST /token`. For a service of your own that works for all tenants. Synth warns.
   *
   * @throws Error for the reasons of `grantToken`
   */
  grantTokenForAll(grantee: IGrantable): Grant;
  /**
   * Lets a role or a user invoke the function for one account.
   *
   * @throws Error for the same reasons as `grantToken`
   */
  grantInvoke(grantee: IGrantable, account: string): Grant;
  /**
   * Lets a function get tokens of one account: gives its role the right, and the function the variables that
   * `createTokenClient()` reads. They are `FEGORA_BROKER_ACCOUNT`, and `FEGORA_BROKER_ENDPOINT` for the API or
   * `FEGORA_BROKER_FUNCTION` for direct invocation.
   *
   * @throws Error if the function is connected to another broker or account, if it is in another region and the host name
   *   of the API does not tell the region to sign for, or for the reasons of the grants
   */
  connect(fn: LambdaFunction, account: string, options?: ConnectOptions): void;
  /**
   * Calls for a token, without those that `metricDenied` counts. `dimensionsMap` can add one of `account`, `caller_role` and,
   * of failed calls, `code`.
   *
   * @default - number over 5 minutes
   */
  metricCalls(options?: MetricOptions): Metric;
  /**
   * Calls that ended without a token. With the statistic `Average`, it is their share. `dimensionsMap` as for `metricCalls`.
   * By `account`, failed warm-ups count too.
   *
   * @default - sum over 5 minutes
   */
  metricFailedCalls(options?: MetricOptions): Metric;
  /**
   * Seconds that the tokens given to callers were still valid.
   *
   * @default - minimum over 5 minutes
   */
  metricRemainingLife(options?: MetricOptions): Metric;
  /**
   * Logins sent to Fegora.
   *
   * @default - number over 5 minutes
   */
  metricLogins(options?: MetricOptions): Metric;
  /**
   * Logins that brought no token. `dimensionsMap` can add `outcome`, which is `invalid_grant`, `html_500`, `doubt`,
   * `other_user` or a code.
   *
   * @default - sum over 5 minutes
   */
  metricFailedLogins(options?: MetricOptions): Metric;
  /**
   * Duration of a login in milliseconds.
   *
   * @default - 99th percentile over 5 minutes
   */
  metricLoginLatency(options?: MetricOptions): Metric;
  /**
   * Calls that the broker denied although IAM had allowed them.
   *
   * @default - sum over 5 minutes
   */
  metricDenied(options?: MetricOptions): Metric;
  /**
   * Logins, calls and warm-ups that failed because Fegora refuses the credentials.
   *
   * @default - sum over 5 minutes
   */
  metricCredentialsRejected(options?: MetricOptions): Metric;
}
