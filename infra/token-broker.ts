import { Annotations, Duration } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable, type Role } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { IAlias } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { type Accounts, accountFaults } from './accounts.ts';
import { TokenApi } from './api/api.ts';
import { stageName } from './api/stage.ts';
import { brokerEnvironment } from './environment.ts';
import { BrokerFunction, createRole } from './function.ts';
import { createKey, viaService } from './key.ts';
import { BrokerAlarms } from './monitoring/alarms.ts';
import { BrokerDashboard } from './monitoring/dashboard.ts';
import { brokerMetrics } from './monitoring/metrics.ts';
import { arnsOf } from './principal.ts';
import { AccountSecret } from './secrets.ts';
import { createTable } from './table.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';
import { addWarmup } from './warmup.ts';

/** Hands out Fegora access tokens to whom IAM lets. Nobody may call until granted. */
export class TokenBroker extends Construct {
  /** The REST API; its `url` is the base of `token` and `token/<account>`. */
  readonly api: RestApi;
  /** Account id to complete secret ARN. */
  readonly secretArns: ReadonlyMap<string, string>;
  /** Name of the function. Only its aliases can be called: see `aliasOf`. */
  readonly functionName: string;
  private readonly defaultAccount: string | undefined;
  private readonly isPrivate: boolean;
  private readonly key: Key;
  private readonly secrets: ReadonlyMap<string, AccountSecret>;
  private readonly broker: BrokerFunction;

  /** @throws Error that lists everything wrong with the accounts */
  constructor(scope: Construct, id: string, props: TokenBrokerProps) {
    super(scope, id);
    this.defaultAccount = defaultAccountOf(props);
    this.isPrivate = props.vpcEndpoints !== undefined;
    this.key = createKey(this);
    const role = createRole(this);
    this.secrets = this.createSecrets(props.accounts, role);
    this.secretArns = new Map([...this.secrets].map(([account, { secretArn }]) => [account, secretArn]));
    this.broker = this.createFunction(props, role, createTable(this, this.key, role));
    this.functionName = this.broker.function.functionName;
    const tokenApi = this.createApi(props);
    this.api = tokenApi.api;
    const warmAccounts = accountsToWarm(props.accounts);
    addWarmup(this, {
      alias: this.broker.warmup,
      accounts: warmAccounts,
      every: props.warmUpEvery ?? Duration.minutes(4),
      secrets: [...this.secrets.values()],
    });
    this.watch(props, tokenApi, warmAccounts.length > 0);
    this.warnOfDefaultAccount();
  }

  /**
   * Lets a principal call the API for one account, `POST token` too where that is the default account. A principal of
   * another AWS account needs the same right from its own side.
   *
   * @throws Error where the grantee is no role or user, or the account is not there
   */
  grantToken(grantee: IGrantable, account: string): Grant {
    arnsOf(this, grantee);
    this.aliasOf(account);
    const paths = [`/token/${account}`, ...(account === this.defaultAccount ? ['/token'] : [])];
    const options = {
      grantee,
      actions: ['execute-api:Invoke'],
      resourceArns: paths.map((path) => this.api.arnForExecuteApi('POST', path, stageName)),
      resource: this.api,
      resourceSelfArns: paths.map((path) => `execute-api:/${stageName}/POST${path}`),
    };
    return this.isPrivate ? Grant.addToPrincipalAndResource(options) : Grant.addToPrincipalOrResource(options);
  }

  /**
   * Lets a principal invoke the function for one account.
   *
   * @throws Error where the grantee is no role or user, or the account is not there
   */
  grantInvoke(grantee: IGrantable, account: string): Grant {
    arnsOf(this, grantee);
    return this.aliasOf(account).grantInvoke(grantee);
  }

  /**
   * Lets a role or user operate the broker: invoke the `admin` alias, and set credentials, which from then on nobody
   * else may who cannot change the policies of secrets. Existing secrets are their owner's: see the warnings of synth.
   *
   * @throws Error where the grantee is neither
   */
  grantAdmin(grantee: IGrantable): void {
    arnsOf(this, grantee);
    this.broker.admin.grantInvoke(grantee);
    for (const secret of this.secrets.values()) {
      secret.grantWrite(grantee);
    }
    Grant.addToPrincipalOrResource({
      grantee,
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resourceArns: [this.key.keyArn],
      resource: this.key,
      resourceSelfArns: ['*'],
      conditions: { StringEquals: { 'kms:ViaService': viaService('secretsmanager') } },
    });
  }

  private watch({ alarmTopic }: TokenBrokerProps, { accessLog, gateway }: TokenApi, isWarmed: boolean): void {
    const { broker } = this;
    const metrics = brokerMetrics(this.functionName);
    const { alarms } = new BrokerAlarms(this, 'Alarms', {
      metrics,
      broker,
      gateway,
      isWarmed,
      topic: alarmTopic,
    });
    new BrokerDashboard(this, 'Dashboard', { metrics, broker, alarms, accessLog });
  }

  private warnOfDefaultAccount(): void {
    if (this.defaultAccount !== undefined && this.secrets.size > 1) {
      Annotations.of(this).addWarningV2(
        'fegora-token-broker:default-account',
        `POST /token serves account ${this.defaultAccount}. Choosing another later gives its tokens to everyone who may call that path.`,
      );
    }
  }

  /** The alias for direct calls on an account. */
  aliasOf(account: string): IAlias {
    const alias = this.broker.accounts.get(account);
    if (alias === undefined) {
      throw new Error(`there is no account ${account}`);
    }
    return alias;
  }

  private createSecrets(accounts: Accounts, role: Role): ReadonlyMap<string, AccountSecret> {
    const scope = new Construct(this, 'Credentials');
    return new Map(
      Object.entries(accounts).map(([account, { secretArn, secretKeyArn }]) => [
        account,
        new AccountSecret(scope, account, { key: this.key, role, secretArn, secretKeyArn }),
      ]),
    );
  }

  private createFunction(props: TokenBrokerProps, role: Role, table: Table): BrokerFunction {
    return new BrokerFunction(this, 'Function', {
      role,
      accounts: Object.keys(props.accounts),
      environment: brokerEnvironment({
        secrets: this.secrets,
        tableName: table.tableName,
        defaultAccount: this.defaultAccount,
        tokenUrl: props.tokenUrl,
        clientId: props.clientId,
      }),
      memorySize: props.memorySize ?? 512,
      logRetention: props.logRetention ?? RetentionDays.SIX_MONTHS,
      code: props.code,
      provisionedConcurrency: props.provisionedConcurrency,
      reservedConcurrency: props.reservedConcurrency,
    });
  }

  private createApi(props: TokenBrokerProps): TokenApi {
    return new TokenApi(this, 'Api', {
      alias: this.broker.http,
      logging: props.apiGatewayLogging ?? 'account-has-role',
      logRetention: props.logRetention ?? RetentionDays.SIX_MONTHS,
      throttle: props.throttle ?? { ratePerSecond: 50, burst: 100 },
      vpcEndpoints: props.vpcEndpoints,
      organizationId: props.organizationId,
    });
  }
}

function accountsToWarm(accounts: Accounts): string[] {
  return Object.entries(accounts).flatMap(([account, { keepWarm = true }]) => (keepWarm ? [account] : []));
}

function defaultAccountOf({ accounts, defaultAccount }: TokenBrokerProps): string | undefined {
  const ids = Object.keys(accounts);
  const chosen = defaultAccount ?? (ids.length === 1 ? ids[0] : undefined);
  const faults = accountFaults(accounts, chosen);
  if (faults.length > 0) {
    throw new Error(faults.join('\n'));
  }
  return chosen;
}
