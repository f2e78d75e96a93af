// What an own and an imported broker have in common. Extended by token-broker.ts and imported-broker.ts.
import { Stack } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IAlias, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { accountIdPattern } from '../lambda/account-secrets.ts';
import { metricNames } from '../lambda/telemetry/metric-names.ts';
import { connectFunction } from './connect.ts';
import { hasTag, pathByTag, tagKeyFault } from './grants/account-tag.ts';
import type { PathRight } from './grants/api.ts';
import { warnAboutAllAccounts, warnAboutTag } from './grants/breadth.ts';
import { arnOf } from './grants/principal.ts';
import { brokerMetrics, metricPlace } from './monitoring/metrics.ts';
import type { ConnectOptions, ITokenBroker } from './token-broker-interface.ts';

/** The grants that are the same for both, the connection of functions, and the metrics. */
export abstract class TokenBrokerBase extends Construct implements ITokenBroker {
  abstract readonly url: string;
  abstract readonly functionName: string;
  abstract readonly functionArn: string;
  abstract readonly accounts: readonly string[];
  abstract readonly isPrivate: boolean;
  protected abstract readonly defaultAccount: string | undefined;
  protected abstract readonly hasOpenAccounts: boolean;

  abstract aliasOf(account: string): IAlias;

  /** Grants `POST` on paths to the grantee of this ARN. */
  protected abstract grantPaths(grantee: IGrantable, right: PathRight, arn: string): Grant;

  grantToken(grantee: IGrantable, account: string): Grant {
    const arn = arnOf(this, grantee);
    this.checkAccount(account);
    const paths = [`/token/${account}`, ...(account === this.defaultAccount ? ['/token'] : [])];
    return this.grantPaths(grantee, { paths }, arn);
  }

  grantTokenByTag(grantee: IGrantable, tagKey: string): Grant {
    const arn = arnOf(this, grantee);
    const fault = tagKeyFault(tagKey);
    if (fault !== undefined) {
      throw new Error(`the tag key of grantTokenByTag ${fault}`);
    }
    warnAboutTag(this, { grantee, arn }, tagKey);
    return this.grantPaths(grantee, { paths: [pathByTag(tagKey)], conditions: hasTag(tagKey) }, arn);
  }

  grantTokenForAll(grantee: IGrantable): Grant {
    const arn = arnOf(this, grantee);
    warnAboutAllAccounts(this, { grantee, arn });
    const paths = ['/token/*', ...(this.defaultAccount === undefined ? [] : ['/token'])];
    return this.grantPaths(grantee, { paths }, arn);
  }

  abstract grantInvoke(grantee: IGrantable, account: string): Grant;

  connect(fn: LambdaFunction, account: string, options: ConnectOptions = {}): void {
    const { region } = this.environment();
    connectFunction({ broker: this, region }, fn, { account, via: options.via ?? 'api' });
  }

  metricCalls(options?: MetricOptions): Metric {
    return this.metric(metricNames.failed, { statistic: 'SampleCount', ...options });
  }

  metricFailedCalls(options?: MetricOptions): Metric {
    return this.metric(metricNames.failed, options);
  }

  metricRemainingLife(options?: MetricOptions): Metric {
    return this.metric(metricNames.remainingLife, { statistic: 'Minimum', ...options });
  }

  metricLogins(options?: MetricOptions): Metric {
    return this.metric(metricNames.loginLatency, { statistic: 'SampleCount', ...options });
  }

  metricFailedLogins(options?: MetricOptions): Metric {
    return this.metric(metricNames.loginsFailed, options);
  }

  metricLoginLatency(options?: MetricOptions): Metric {
    return this.metric(metricNames.loginLatency, { statistic: 'p99', ...options });
  }

  metricDenied(options?: MetricOptions): Metric {
    return this.metric(metricNames.denied, options);
  }

  metricCredentialsRejected(options?: MetricOptions): Metric {
    return this.metric(metricNames.credentialsRejected, options);
  }

  /** An open account is not known at synth. @throws Error if the broker cannot have the account */
  private checkAccount(account: string): void {
    if (!(this.hasOpenAccounts && accountIdPattern.test(account))) {
      this.aliasOf(account);
    }
  }

  /** Where the broker is. It can be known only at deployment. */
  protected environment(): { readonly region: string; readonly account: string } {
    return Stack.of(this);
  }

  private metric(name: string, options?: MetricOptions): Metric {
    return brokerMetrics(this.functionName).of(name, { ...metricPlace(this.environment()), ...options });
  }
}

/** @throws Error that names the account and says what to do */
export function unknownAccount(account: string): Error {
  return new Error(`the broker has no account ${account}: add it to the accounts`);
}
