// A broker of another stack or app, by its attributes. Created by `TokenBroker.fromAttributes` in token-broker.ts.
import { Annotations, ArnFormat, Aws, Stack, Token, TokenComparison } from 'aws-cdk-lib';
import { Grant, type GrantOnPrincipalOptions, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Alias, type IAlias, Function as LambdaFunction, Version } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { aliases } from '../lambda/config.ts';
import { accountFaults } from './accounts.ts';
import { stageName } from './api/stage.ts';
import type { PathRight } from './grants/api.ts';
import { arnOf, partitionOf } from './grants/principal.ts';
import { isPlaceholder } from './grants/principal-arn.ts';
import { isOfAnotherAccount } from './grants/wrapped.ts';
import { TokenBrokerBase, unknownAccount } from './token-broker-base.ts';

/** What identifies a broker of another stack. */
export interface TokenBrokerAttributes {
  /** ARN of the function, without an alias. It also says the AWS account and the region of the broker. */
  readonly functionArn: string;
  /** Id of the REST API: the first label of the output `Url`, unless that is a host name of your own. */
  readonly apiId: string;
  /** Ids of the accounts that this stack uses. */
  readonly accounts: readonly string[];
  /**
   * Whether the broker has open accounts. Then `grantToken` takes every id, and `accounts` may be empty.
   *
   * @default false
   */
  readonly openAccounts?: boolean | undefined;
  /**
   * The account of `POST /token`.
   *
   * @default - the grants do not cover `POST /token`
   */
  readonly defaultAccount?: string | undefined;
  /**
   * URL that callers use, with a slash at its end: the output `Url`.
   *
   * @default - the URL that API Gateway chooses
   */
  readonly url?: string | undefined;
  /**
   * Whether the API can only be reached through VPC endpoints.
   *
   * @default false
   */
  readonly isPrivate?: boolean | undefined;
}

/** A broker that another stack owns. Its grants change only the policies of the grantees. */
export class ImportedBroker extends TokenBrokerBase {
  readonly url: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly accounts: readonly string[];
  readonly isPrivate: boolean;
  protected readonly defaultAccount: string | undefined;
  protected readonly hasOpenAccounts: boolean;
  private readonly apiArn: string;
  private readonly place: { readonly region: string; readonly account: string };
  private readonly aliases = new Map<string, IAlias>();

  /** @throws Error that lists all faults of the attributes */
  constructor(scope: Construct, id: string, attributes: TokenBrokerAttributes) {
    super(scope, id);
    checkAttributes(this, attributes);
    const { functionArn, apiId } = attributes;
    const { partition, region, account, resourceName } = Stack.of(this).splitArn(
      functionArn,
      ArnFormat.COLON_RESOURCE_NAME,
    );
    this.functionArn = functionArn;
    this.place = { region: String(region), account: String(account) };
    this.functionName = String(resourceName);
    this.accounts = attributes.accounts;
    this.hasOpenAccounts = attributes.openAccounts ?? false;
    this.defaultAccount = attributes.defaultAccount;
    this.isPrivate = attributes.isPrivate ?? false;
    this.url = attributes.url ?? `https://${apiId}.execute-api.${region}.${Aws.URL_SUFFIX}/${stageName}/`;
    this.apiArn = `arn:${partition}:execute-api:${region}:${account}:${apiId}/${stageName}`;
  }

  aliasOf(account: string): IAlias {
    if (!this.accounts.includes(account)) {
      throw unknownAccount(account);
    }
    const alias = this.aliases.get(account) ?? this.importAlias(account);
    this.aliases.set(account, alias);
    return alias;
  }

  override grantInvoke(grantee: IGrantable, account: string): Grant {
    const arn = arnOf(this, grantee);
    const { functionArn } = this.aliasOf(account);
    return this.grant({ grantee, actions: ['lambda:InvokeFunction'], resourceArns: [functionArn] }, arn);
  }

  protected grantPaths(grantee: IGrantable, { paths, conditions }: PathRight, arn: string): Grant {
    if (this.isPrivate) {
      this.warn('private-import', 'The policy of a private API must name each caller, and this stack cannot change it');
    }
    const resourceArns = paths.map((path) => `${this.apiArn}/POST${path}`);
    const right = { grantee, actions: ['execute-api:Invoke'], resourceArns, ...(conditions && { conditions }) };
    return this.grant(right, arn);
  }

  /** A stack that does not know its AWS account cannot tell whether the metrics are in another one. */
  protected override environment() {
    const { account } = Stack.of(this);
    return { ...this.place, ...(Token.isUnresolved(account) && { account }) };
  }

  /** @throws Error if the stack cannot change the policy of the grantee */
  private grant(right: GrantOnPrincipalOptions, arn: string): Grant {
    const { grantee } = right;
    if (Token.compareStrings(this.place.account, Stack.of(this).account) === TokenComparison.DIFFERENT) {
      this.warn('other-aws-account', 'The broker is in another AWS account, which must grant the right too');
    }
    const grant = Grant.addToPrincipal(right);
    if (!isPlaceholder(arn) && (!grant.success || isOfAnotherAccount(grantee))) {
      const who = String(grantee.grantPrincipal);
      throw new Error(`this stack cannot change the policy of ${who}: grant the right in the stack of the broker`);
    }
    return grant;
  }

  private warn(id: string, what: string): void {
    Annotations.of(this).addWarningV2(
      `fegora-token-broker:${id}`,
      `${what}: also grant the right in the stack of the broker, to new ArnPrincipal(<ARN of the role>).`,
    );
  }

  private importAlias(account: string): IAlias {
    const { functionArn } = this;
    const fn = LambdaFunction.fromFunctionAttributes(this, `Function-${account}`, { functionArn });
    return Alias.fromAliasAttributes(this, `Alias-${account}`, {
      aliasName: `${aliases.accountPrefix}${account}`,
      // Only its function counts: the alias says which version runs.
      aliasVersion: Version.fromVersionAttributes(this, `Version-${account}`, { lambda: fn, version: '$LATEST' }),
    });
  }
}

const functionArnPattern = /^arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[\w-]{1,64}$/;

function checkAttributes(scope: Construct, attributes: TokenBrokerAttributes): void {
  const { accounts, openAccounts, defaultAccount, functionArn, apiId } = attributes;
  const byId = Object.fromEntries(accounts.map((account) => [account, {}]));
  const faults = accountFaults(byId, defaultAccount, openAccounts);
  if (!Token.isUnresolved(functionArn) && !functionArnPattern.test(functionArn)) {
    faults.push('functionArn: must be the ARN of a function, without an alias');
  }
  const [own, [, partition]] = [partitionOf(scope), functionArn.split(':')];
  if (!Token.isUnresolved(functionArn) && own !== undefined && partition !== own) {
    faults.push(
      `functionArn: is in the partition ${partition}, and the stack is in ${own}: no principal of a partition can call into another one`,
    );
  }
  if (!Token.isUnresolved(apiId) && !/^[a-z0-9]{10}$/.test(apiId)) {
    faults.push('apiId: must be the id of the REST API, 10 lower-case letters and digits');
  }
  if (faults.length > 0) {
    throw new Error(faults.join('\n'));
  }
}
