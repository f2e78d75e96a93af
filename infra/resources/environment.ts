// Builds the environment variables of the function and checks their size. Called by parts.ts.
import { Fn, Stack } from 'aws-cdk-lib';
import { defaultClientId, defaultTokenUrl, variables } from '../../lambda/config.ts';
import { longestPrefix } from './created-secret.ts';
import type { AccountSecret } from './secrets.ts';

/** How many logins one Fegora user gets, each a whole number from 1 to 250. */
export interface LoginBudget {
  /** Logins within any 60 minutes. */
  readonly perHour: number;
  /** Logins within any 24 hours. */
  readonly perDay: number;
}

/** The values that the function reads from its environment. */
export interface EnvironmentProps {
  /** Secrets by account id. */
  readonly secrets: ReadonlyMap<string, AccountSecret>;
  /** What the names that follow from ids begin with. Undefined if there are none. */
  readonly secretPrefix: string | undefined;
  /** Whether ids that are not among these accounts may be accounts too, with metrics of their own. */
  readonly openAccounts: boolean | 'with-metrics';
  readonly tableName: string;
  /** URL of the queue of accounts whose warm-up is due; undefined: there is none. */
  readonly queueUrl: string | undefined;
  /** The account of `POST /token`; undefined: that path serves no account. */
  readonly defaultAccount: string | undefined;
  /** Fegora's token endpoint; undefined: the default of lambda/config.ts. */
  readonly tokenUrl: string | undefined;
  /** The `client_id` of secrets that name none; undefined: the default of lambda/config.ts. */
  readonly clientId: string | undefined;
  /** Undefined: the default of lambda/config.ts. */
  readonly loginBudget: LoginBudget | undefined;
  /** Undefined: the default of lambda/config.ts. */
  readonly renewWith: 'password' | 'refresh_token' | undefined;
}

/**
 * Lambda's limit for all variables of one function together, in bytes.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const limitBytes = 4096;
/** Characters in the longest possible table name. */
const longestTableName = 255;
/** Characters of `https://sqs.<region>.<domain>/<12 digits>/<80 characters>` at most. */
const longestQueueUrl = 150;

/**
 * Returns the variables of the function, by name.
 *
 * @throws Error if the variables may exceed Lambda's 4 KB. Without this check, the deployment would fail half way.
 */
export function brokerEnvironment(props: EnvironmentProps): Readonly<Record<string, string>> {
  const queueUrl = props.queueUrl && 'x'.repeat(longestQueueUrl);
  const size = sizeOf(render(props, { ...longest, queueUrl }));
  if (size > limitBytes) {
    throw new Error(
      `the accounts do not fit into the function's environment, up to ${size} of ${limitBytes} bytes: ${adviceFor(props)}`,
    );
  }
  return render(props, { ...deployed, tableName: props.tableName, queueUrl: props.queueUrl });
}

function adviceFor({ secrets }: EnvironmentProps): string {
  const isShort = [...secrets.values()].every(({ secretName }) => secretName !== undefined);
  return isShort
    ? 'move some of them to a second stack'
    : "give the accounts that you add secretName: 'from-id', which takes only their ids, or move some of them to a second stack";
}

/** How the parts of the variables are written that are known only at deployment. */
interface Forms {
  readonly arnOf: (secret: AccountSecret) => string;
  /** The ARN of a secret that the stack creates, from the colon before its name on. */
  readonly endOf: (secret: AccountSecret) => string;
  /** What comes before that. */
  readonly startOf: (secret: AccountSecret) => string;
  readonly tableName: string;
  readonly queueUrl: string | undefined;
}

const deployed: Omit<Forms, 'tableName' | 'queueUrl'> = {
  arnOf: ({ secretArn }) => secretArn,
  endOf: ({ secretArn }) => `:${Fn.select(6, Fn.split(':', secretArn))}`,
  startOf: (secret) => {
    const { partition, region, account } = Stack.of(secret);
    return `arn:${partition}:secretsmanager:${region}:${account}:secret`;
  },
};

const longest: Omit<Forms, 'queueUrl'> = {
  arnOf: ({ longestArn }) => 'x'.repeat(longestArn),
  endOf: ({ longestArn }) => 'x'.repeat(longestArn - longestPrefix.length + 1),
  startOf: () => 'x'.repeat(longestPrefix.length - 1),
  tableName: 'x'.repeat(longestTableName),
};

function render(props: EnvironmentProps, forms: Forms): Readonly<Record<string, string>> {
  const { loginBudget: budget, renewWith } = props;
  return {
    [variables.tokenUrl]: props.tokenUrl ?? defaultTokenUrl,
    [variables.clientId]: props.clientId ?? defaultClientId,
    ...renderAccounts(props, forms),
    ...(props.openAccounts && { [variables.openAccounts]: props.openAccounts === true ? '1' : props.openAccounts }),
    [variables.tableName]: forms.tableName,
    ...(forms.queueUrl !== undefined && { [variables.warmupQueue]: forms.queueUrl }),
    ...(budget !== undefined && {
      [variables.loginsPerHour]: String(budget.perHour),
      [variables.loginsPerDay]: String(budget.perDay),
    }),
    ...(renewWith !== undefined && { [variables.renewWith]: renewWith }),
    ...(props.defaultAccount !== undefined && { [variables.defaultAccount]: props.defaultAccount }),
  };
}

/** Only ids if the names of the secrets follow from them. Of a generated name, only what differs from the others. */
function renderAccounts({ secrets, secretPrefix }: EnvironmentProps, { arnOf, endOf, startOf }: Forms) {
  const named = [...secrets].filter(([, { secretName }]) => secretName !== undefined).map(([account]) => account);
  const others = [...secrets].filter(([, { secretName }]) => secretName === undefined);
  const ours = [...secrets.values()].find(({ isOurs }) => isOurs);
  const ids = others.map(([account, secret]) => [account, secret.isOurs ? endOf(secret) : arnOf(secret)]);
  return {
    ...(others.length > 0 && { [variables.accounts]: JSON.stringify(Object.fromEntries(ids)) }),
    ...(named.length > 0 && { [variables.accountIds]: named.join(' ') }),
    ...(secretPrefix !== undefined && { [variables.secretPrefix]: secretPrefix }),
    ...(ours !== undefined && { [variables.secretArnStart]: startOf(ours) }),
  };
}

function sizeOf(variablesByName: Readonly<Record<string, string>>): number {
  return Object.entries(variablesByName).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}
