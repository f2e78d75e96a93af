// The construct TokenBroker: wires all parts of a broker and grants rights. Called by stack.ts and by users' stacks.
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

/** A broker that gives Fegora access tokens to callers with a grant. At first, no caller has a grant. */
export class TokenBroker extends Construct {
  /** The REST API. Its `url` is the base of the paths `token` and `token/<account>`. */
  readonly api: RestApi;
  /** Complete ARN of each secret, by account id. */
  readonly secretArns: ReadonlyMap<string, string>;
  /** Name of the function. Callers can only invoke its aliases: see `aliasOf`. */
  readonly functionName: string;
  private readonly defaultAccount: string | undefined;
  private readonly isPrivate: boolean;
  private readonly key: Key;
  private readonly secrets: ReadonlyMap<string, AccountSecret>;
  private readonly broker: BrokerFunction;

  /**
   * @throws Error that lists all faults of the accounts, one per line, or says that they exceed the function's
   *   environment
   */
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
    this.addMonitoring(props, tokenApi, warmAccounts.length > 0);
    this.warnAboutDefaultAccount();
  }

  /**
   * Lets a role or a user call the API for one account. If that is the default account, the grantee can also call
   * `POST /token`. A grantee of another AWS account also needs the same right in its own policy.
   *
   * @throws Error if the grantee is not a role or a user, or if the broker does not have the account
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
   * Lets a role or a user invoke the function for one account.
   *
   * @throws Error if the grantee is not a role or a user, or if the broker does not have the account
   */
  grantInvoke(grantee: IGrantable, account: string): Grant {
    arnsOf(this, grantee);
    return this.aliasOf(account).grantInvoke(grantee);
  }

  /**
   * Lets a role or a user operate the broker: invoke the alias `admin` and set credentials. After the first such grant,
   * other principals cannot set credentials unless they change the policies of the secrets. The stack does not
   * change the policies of existing secrets: read the warnings of synth.
   *
   * @throws Error if the grantee is not a role or a user
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

  /**
   * Returns the alias for direct calls on one account.
   *
   * @throws Error if the broker does not have the account
   */
  aliasOf(account: string): IAlias {
    const alias = this.broker.accounts.get(account);
    if (alias === undefined) {
      throw new Error(`the broker has no account ${account}: add it to the accounts`);
    }
    return alias;
  }

  private addMonitoring(
    { alarmTopic }: TokenBrokerProps,
    { accessLog, gatewayMetrics }: TokenApi,
    isWarmed: boolean,
  ): void {
    const { broker } = this;
    const metrics = brokerMetrics(this.functionName);
    const { alarms } = new BrokerAlarms(this, 'Alarms', {
      metrics,
      broker,
      gatewayMetrics,
      isWarmed,
      topic: alarmTopic,
    });
    new BrokerDashboard(this, 'Dashboard', { metrics, broker, alarms, accessLog });
  }

  private warnAboutDefaultAccount(): void {
    if (this.defaultAccount !== undefined && this.secrets.size > 1) {
      Annotations.of(this).addWarningV2(
        'fegora-token-broker:default-account',
        `POST /token serves account ${this.defaultAccount}. If you choose another account later, everyone with a right on that path gets its tokens: check who has that right first.`,
      );
    }
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
        loginBudget: props.loginBudget,
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
