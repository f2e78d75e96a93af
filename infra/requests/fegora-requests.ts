// The construct FegoraRequests: a function that sends requests to Fegora, for workflows and events. Called by users' stacks.
import { Duration, Token } from 'aws-cdk-lib';
import type { IAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { type IRuleTarget, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Grant, IGrantable, Role } from 'aws-cdk-lib/aws-iam';
import type { Code, IAlias, IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { aliases } from '../../lambda/config.ts';
import { bundles, codeIn } from '../bundles.ts';
import { grantInvoke } from '../grants/invoke.ts';
import { keepExports } from '../grants/other-stack.ts';
import { arnOf } from '../grants/principal.ts';
import { CallerFunction } from '../resources/caller-function.ts';
import { createNetwork } from '../resources/network.ts';
import { acknowledgeRole } from '../resources/role.ts';
import type { ITokenBroker } from '../token-broker-interface.ts';
import { createRequestAlarms } from './alarms.ts';
import { aliasForState, checkRule } from './alias-elsewhere.ts';
import { unknownOutcomes } from './error-names.ts';
import { checkRequest, createTask, type FegoraCall, type FegoraTaskProps, payloadOf } from './task.ts';

/** What requests are sent with. Only `broker` is required. */
export interface FegoraRequestsProps {
  /** The broker of this stack, or of another one. Its function is invoked, so its API may be private. */
  readonly broker: ITokenBroker;
  /**
   * Ids of the accounts that requests can be sent with.
   *
   * @default - all accounts of the broker
   */
  readonly accounts?: readonly string[] | undefined;
  /**
   * The only origin that requests, and the token, are sent to: an https URL without a path.
   *
   * @default https://api.fegora.com
   */
  readonly origin?: string | undefined;
  /**
   * How long the function may take for a token and the answer of Fegora: from 30 s to 15 minutes.
   *
   * @default - 1 minute
   */
  readonly timeout?: Duration | undefined;
  /**
   * Queue for events that failed: those that EventBridge could not deliver, and those whose request failed. A message has the
   * event with its body, and the name of the error. `target` needs it.
   *
   * @default - a request that was sent asynchronously and failed is lost
   */
  readonly deadLetterQueue?: IQueue | undefined;
  /**
   * VPC of the function, for example to call Fegora from a fixed address. The VPC needs a way out to Fegora and to the API of
   * Lambda.
   *
   * @default - the function is in no VPC of yours, and its address changes
   */
  readonly vpc?: IVpc | undefined;
  /**
   * Subnets of the function.
   *
   * @default - the private subnets of the VPC that have a way out
   */
  readonly vpcSubnets?: SubnetSelection | undefined;
  /**
   * Security groups of the function.
   *
   * @default - a new security group that only lets out HTTPS
   */
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
  /**
   * SNS topic for the alarms.
   *
   * @default - alarms only appear in the console
   */
  readonly alarmTopic?: ITopic | undefined;
  /**
   * The bundle of the function. Its handler is `requests.handler`.
   *
   * @default - the bundle that is part of the package
   */
  readonly code?: Code | undefined;
}

/**
 * Sends requests to the API of Fegora for workflows, rules of EventBridge and functions. They give a request and get Fegora's
 * answer. The token stays in the function. At first, no caller has a grant.
 */
export class FegoraRequests extends Construct {
  /** The function. Callers can only invoke its aliases: see `aliasOf`. */
  readonly function: IFunction;
  /** The log of the function: a line for each request, without its query, headers and body. */
  readonly logGroup: ILogGroup;
  /** Ids of the accounts. */
  readonly accounts: readonly string[];
  /** Fires if one request in twenty fails for a reason that its caller cannot correct, or if the function crashes. */
  readonly requestsFail: IAlarm;
  /** Fires if a POST or a PATCH may have been processed by Fegora, and the answer is not known. */
  readonly outcomeUnknown: IAlarm;
  /** Fires if Lambda refuses to start the function. */
  readonly throttles: IAlarm;
  private readonly caller: CallerFunction;
  private readonly timeout: Duration;
  private readonly queue: IQueue | undefined;

  /**
   * Names of the errors after which Fegora may have processed a POST or a PATCH, for `addCatch`: look the document up before you
   * send it again.
   */
  static get unknownOutcomes(): string[] {
    return [...unknownOutcomes];
  }

  /** @throws Error if the broker does not have an account, or if a prop is out of its range */
  constructor(scope: Construct, id: string, props: FegoraRequestsProps) {
    super(scope, id);
    const { broker, timeout = Duration.minutes(1), deadLetterQueue } = props;
    checkProps(props, timeout);
    this.accounts = props.accounts ?? broker.accounts;
    this.timeout = timeout;
    this.queue = deadLetterQueue;
    this.caller = this.createFunction(props, timeout);
    this.function = this.caller.function as IFunction;
    this.logGroup = this.caller.logGroup;
    for (const account of this.accounts) {
      broker.grantInvoke(this.caller.function, account);
    }
    keepExports(this, [this.function.functionArn]);
    const alarms = createRequestAlarms(this, this.caller.function, props.alarmTopic);
    this.requestsFail = alarms.requestsFail;
    this.outcomeUnknown = alarms.outcomeUnknown;
    this.throttles = alarms.throttles;
  }

  /**
   * Returns the alias for requests of one account.
   *
   * @throws Error if the construct does not have the account
   */
  aliasOf(account: string): IAlias {
    const alias = this.caller.aliases.get(aliasName(account));
    if (alias === undefined) {
      throw new Error(`${this.node.path} has no account ${account}: add it to the accounts`);
    }
    return alias;
  }

  /**
   * Lets a role or a user send requests with the token of one account, for example a function of yours. `task` and `target`
   * give their rights themselves.
   *
   * @throws Error if the grantee is not one role or one user, or for the reasons of `TokenBroker.grantInvoke`
   */
  grantInvoke(grantee: IGrantable, account: string): Grant {
    const textArn = `${this.function.functionArn}:${aliasName(account)}`;
    return grantInvoke(this, grantee, { granteeArn: arnOf(this, grantee), alias: this.aliasOf(account), textArn });
  }

  /**
   * Returns a state of Step Functions that sends a request and gets `{ status, headers, body }`. It repeats a request only if that
   * is safe. The role of the state machine gets the right on the alias of the account. Use a workflow of type STANDARD: AWS may run one
   * of type EXPRESS twice.
   *
   * @throws Error if the construct does not have the account, or if the function would refuse the request
   */
  task(scope: Construct, id: string, props: FegoraTaskProps): LambdaInvoke {
    const alias = aliasForState(scope, this.aliasOf(props.account));
    return createTask(scope, id, props, { alias, timeout: this.timeout });
  }

  /**
   * Returns a target for a rule of EventBridge that sends a request for each event. Lambda does not repeat a request that
   * failed: it goes to the queue with the name of its error. EventBridge may deliver an event twice: a request that must happen
   * once belongs into a workflow.
   *
   * @throws Error if the construct has no `deadLetterQueue`, or for the reasons of `task`; at synth if the rule is in another stack
   */
  target(account: string, request: FegoraCall): IRuleTarget {
    if (this.queue === undefined) {
      throw new Error(`${this.node.path} has no queue for events that fail: set deadLetterQueue`);
    }
    checkRequest(`${this.node.path}: target`, request);
    const target = new LambdaFunction(this.aliasOf(account), {
      event: RuleTargetInput.fromObject(payloadOf(request)),
      deadLetterQueue: this.queue,
      maxEventAge: Duration.hours(1),
    });
    return {
      bind: (rule, targetId) => {
        checkRule(rule, this);
        return target.bind(rule, targetId);
      },
    };
  }

  private createFunction(props: FegoraRequestsProps, timeout: Duration): CallerFunction {
    const { broker, origin, code, vpc, vpcSubnets, securityGroups } = props;
    const network = (role: Role) =>
      vpc &&
      createNetwork(this, role, {
        vpc,
        vpcSubnets,
        securityGroups,
        tokenUrl: Token.isUnresolved(origin) ? undefined : origin,
      });
    const caller = new CallerFunction(this, 'Function', {
      description: 'Sends requests to Fegora with tokens of the broker',
      code: code ?? codeIn(bundles.probe),
      handler: 'requests.handler',
      timeout,
      aliases: this.accounts.map(aliasName),
      environment: {
        FEGORA_BROKER_FUNCTION: broker.functionArn,
        ...(origin !== undefined && { FEGORA_ORIGIN: origin }),
      },
      failures: this.queue ?? 'A caller who waits gets the error. Events need deadLetterQueue.',
      // They have texts of Fegora.
      logsErrors: false,
      network,
    });
    if (vpc !== undefined) {
      acknowledgeRole(caller.role);
    }
    return caller;
  }
}

function aliasName(account: string): string {
  return `${aliases.accountPrefix}${account}`;
}

function checkProps({ broker, accounts = broker.accounts, origin }: FegoraRequestsProps, timeout: Duration): void {
  const seconds = timeout.toSeconds();
  const unknown = accounts.filter((account) => !broker.accounts.includes(account));
  const faults = [
    ...(accounts.length === 0 ? ['accounts: must have at least one account'] : []),
    ...unknown.map((account) => `accounts: the broker has no account ${account}`),
    ...(new Set(accounts).size < accounts.length ? ['accounts: must not name an account twice'] : []),
    ...(seconds < 30 || seconds > 900 ? ['timeout: must be from 30 s to 15 minutes'] : []),
    ...(origin === undefined || Token.isUnresolved(origin) || /^https:\/\/[^/@?#]+\/?$/.test(origin)
      ? []
      : ['origin: must be an https URL without user, password and path']),
  ];
  if (faults.length > 0) {
    throw new Error(faults.join('\n'));
  }
}
