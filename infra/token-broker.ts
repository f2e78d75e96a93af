// The construct TokenBroker: wires all parts of a broker and grants rights. Called by stack.ts and by users' stacks.
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { IAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { Connections, IConnectable } from 'aws-cdk-lib/aws-ec2';
import type { Grant, IGrantable, IRole } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IAlias, IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { aliases } from '../lambda/config.ts';
import { grantApi, type PathRight } from './grants/api.ts';
import { warnAboutDefaultAccount } from './grants/breadth.ts';
import { administration, checkElsewhere } from './grants/elsewhere.ts';
import { grantInvoke } from './grants/invoke.ts';
import { checkNamed, keepExports } from './grants/other-stack.ts';
import { arnOf, warnAboutAdministrator } from './grants/principal.ts';
import { ImportedBroker, type TokenBrokerAttributes } from './imported-broker.ts';
import type { AlarmName } from './monitoring/alarm-names.ts';
import {
  createApi,
  createDueQueue,
  createFunction,
  createMonitoring,
  createOpenAccounts,
  createSecrets,
  startWarmups,
} from './parts.ts';
import { checkProps, defaultAccountOf } from './prop-faults.ts';
import { isDueIndexed } from './resources/due-queue.ts';
import type { BrokerFunction } from './resources/function.ts';
import { createKey, grantKeyForSecrets } from './resources/key.ts';
import type { OpenAccounts } from './resources/open-accounts.ts';
import { acknowledgeRole, bindToFunction, createRole } from './resources/role.ts';
import { secretPrefixOf } from './resources/secret-names.ts';
import type { AccountSecret } from './resources/secrets.ts';
import { createTable } from './resources/table.ts';
import { keepInLimits } from './stack-limits.ts';
import { TokenBrokerBase, unknownAccount } from './token-broker-base.ts';
import type { ITokenBroker } from './token-broker-interface.ts';
import type { TokenBrokerProps } from './token-broker-props.ts';

/** A broker that gives Fegora access tokens to callers with a grant. At first, no caller has a grant. */
export class TokenBroker extends TokenBrokerBase implements IConnectable {
  /**
   * Returns a broker of another stack or app. Its grants change only the policies of the grantees. So `grantAdmin` is
   * missing, and a grantee that this stack does not own needs a grant in the stack of the broker.
   *
   * @throws Error that lists all faults of the attributes, one per line
   */
  static fromAttributes(scope: Construct, id: string, attributes: TokenBrokerAttributes): ITokenBroker {
    return new ImportedBroker(scope, id, attributes);
  }

  readonly url: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly accounts: readonly string[];
  /** What the command line needs to add accounts without a deployment, JSON. Undefined if accounts are not open. */
  readonly openAccounts: string | undefined;
  readonly isPrivate: boolean;
  /** The REST API. */
  readonly api: RestApi;
  /** The name that a record for `domainName` must point to. Undefined without `domainName`. */
  readonly domainTarget: string | undefined;
  /** The key of the secrets and the table. */
  readonly key: IKey;
  /** What the names of secrets that follow from ids begin with. Undefined if no account has such a secret. */
  readonly secretPrefix: string | undefined;
  /** The table of tokens. Its policy denies its items to every principal but the broker. */
  readonly table: ITable;
  /** The role of the function. */
  readonly role: IRole;
  /** The log of the function, with the audit record. */
  readonly logGroup: ILogGroup;
  /** The access log of the API. Undefined if `apiGatewayLogging` is `off`. */
  readonly accessLog: ILogGroup | undefined;
  /** The alarms by name. Alarms that the props leave out are absent. `AccountFails` is that of the first account. */
  readonly alarms: Readonly<Partial<Record<AlarmName, IAlarm>>>;
  /** The alarm `AccountFails` of each account, by its id. */
  readonly accountAlarms: ReadonlyMap<string, IAlarm>;
  protected readonly defaultAccount: string | undefined;
  protected readonly hasOpenAccounts: boolean;
  private readonly secrets: ReadonlyMap<string, AccountSecret>;
  private readonly broker: BrokerFunction;
  private readonly open: OpenAccounts | undefined;

  /** @throws Error that lists all faults of the props, one per line */
  constructor(scope: Construct, id: string, props: TokenBrokerProps) {
    super(scope, id);
    this.defaultAccount = defaultAccountOf(props);
    checkProps(this, props, this.defaultAccount);
    this.accounts = Object.keys(props.accounts);
    this.isPrivate = props.vpcEndpoints !== undefined;
    this.key = createKey(this, props);
    const role = createRole(this);
    this.role = role;
    this.secrets = createSecrets(this, props, { key: this.key, role });
    // With exactOptionalPropertyTypes, the CDK's class Table is not assignable to the CDK's interface ITable.
    const isIndexed = isDueIndexed(props);
    const { removalPolicy } = props;
    this.table = createTable(this, { key: this.key, role, removalPolicy, isIndexed }) as ITable;
    const due = createDueQueue(this, props, role);
    const { secrets, defaultAccount, table } = this;
    this.secretPrefix = secretPrefixOf(this, props);
    this.open = createOpenAccounts(this, props, { key: this.key, role });
    this.openAccounts = this.open?.settings;
    this.hasOpenAccounts = this.open !== undefined;
    this.broker = createFunction(this, props, { role, secrets, defaultAccount, tableName: table.tableName, due });
    bindToFunction(this, role, this.broker.function as IFunction, isIndexed);
    this.logGroup = this.broker.logGroup;
    this.functionName = this.broker.function.functionName;
    this.functionArn = this.broker.function.functionArn;
    const tokenApi = createApi(this, props, this.broker);
    this.api = tokenApi.api;
    this.url = props.domainName === undefined ? tokenApi.api.url : `https://${props.domainName.name}/`;
    this.domainTarget = tokenApi.domain?.domainNameAliasDomainName;
    this.accessLog = tokenApi.accessLog;
    startWarmups(this, props, { alias: this.broker.warmup, secrets: [...secrets.values()], due });
    const { alarms, accountAlarms } = createMonitoring(this, props, { broker: this.broker, tokenApi, due });
    this.alarms = alarms;
    this.accountAlarms = accountAlarms;
    this.keepExports();
    keepInLimits(this);
    warnAboutDefaultAccount(this, defaultAccount, secrets.size);
    if (props.vpc !== undefined || props.tracing === true) {
      acknowledgeRole(role);
    }
  }

  /** The security groups of the function, to let it reach something in its VPC. @throws Error if the function is in no VPC */
  get connections(): Connections {
    return this.broker.function.connections;
  }

  aliasOf(account: string): IAlias {
    const alias = this.broker.accounts.get(account);
    if (alias === undefined) {
      throw unknownAccount(account);
    }
    return alias;
  }

  /**
   * Returns the complete ARN of the secret of an account.
   *
   * @throws Error if the broker does not have the account
   */
  secretArnOf(account: string): string {
    return this.secretOf(account).secretArn;
  }

  /**
   * Returns the name of the secret of an account, if it follows from the id. Otherwise undefined.
   *
   * @throws Error if the broker does not have the account
   */
  secretNameOf(account: string): string | undefined {
    return this.secretOf(account).secretName;
  }

  private secretOf(account: string): AccountSecret {
    const secret = this.secrets.get(account);
    if (secret === undefined) {
      throw unknownAccount(account);
    }
    return secret;
  }

  /**
   * Lets a role or a user operate the broker: invoke the alias `admin` and set credentials. After the first such grant,
   * other principals cannot set credentials unless they change the policies of the secrets. The stack does not
   * change the policies of existing secrets: read the warnings of synth.
   *
   * @throws Error if the grantee is not a role or a user, or if the stack of the broker cannot use it: then pass its ARN
   */
  grantAdmin(grantee: IGrantable): void {
    const arn = arnOf(this, grantee);
    warnAboutAdministrator(this, arn);
    checkNamed(this, grantee, { arn, advice: 'pass new ArnPrincipal(<ARN of the role>)' });
    checkElsewhere(this, grantee, { arn, needs: administration });
    this.broker.admin.grantInvoke(grantee);
    for (const secret of this.secrets.values()) {
      secret.grantWrite(grantee, arn);
    }
    this.open?.grantAdmin(grantee, arn);
    grantKeyForSecrets(this, this.key, grantee);
  }

  override grantInvoke(grantee: IGrantable, account: string): Grant {
    return grantInvoke(this, grantee, {
      granteeArn: arnOf(this, grantee),
      alias: this.aliasOf(account),
      textArn: `${this.functionArn}:${aliases.accountPrefix}${account}`,
    });
  }

  protected grantPaths(grantee: IGrantable, right: PathRight, arn: string): Grant {
    return grantApi(this, grantee, { ...right, api: this.api, isPrivate: this.isPrivate, arn });
  }

  /** Exports what a caller in another stack needs, and what earlier versions exported for it. */
  private keepExports(): void {
    const { api, functionArn, functionName } = this;
    // No earlier version exported an alias of an account with a named secret, and a stack has 200 outputs.
    const early = [...this.broker.accounts].filter(([account]) => this.secrets.get(account)?.secretName === undefined);
    const aliasArns = [this.broker.admin, ...early.map(([, alias]) => alias)].map((alias) => alias.functionArn);
    const forAdministrators = [...[...this.secrets.values()].map(({ secretArn }) => secretArn), this.key.keyArn];
    const forCallers = [api.restApiId, api.deploymentStage.stageName, functionArn, functionName];
    keepExports(this, [...forCallers, ...aliasArns, ...forAdministrators]);
  }
}
