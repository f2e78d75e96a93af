// Builds the environment variables of the function and checks their size. Called by token-broker.ts.
import { defaultClientId, defaultTokenUrl, variables } from '../../lambda/config.ts';
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
  readonly tableName: string;
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

/**
 * Returns the variables of the function, by name.
 *
 * @throws Error if the variables may exceed Lambda's 4 KB. Without this check, the deployment would fail half way.
 */
export function brokerEnvironment(props: EnvironmentProps): Readonly<Record<string, string>> {
  const size = sizeOf(render(props, ({ longestArn }) => 'x'.repeat(longestArn), 'x'.repeat(longestTableName)));
  if (size > limitBytes) {
    throw new Error(
      `the accounts do not fit into the function's environment, up to ${size} of ${limitBytes} bytes: move some of them to a second stack`,
    );
  }
  return render(props, ({ secretArn }) => secretArn, props.tableName);
}

function render(
  props: EnvironmentProps,
  arnOf: (secret: AccountSecret) => string,
  tableName: string,
): Readonly<Record<string, string>> {
  const { loginBudget: budget, renewWith } = props;
  const secrets = [...props.secrets].map(([account, secret]) => [account, arnOf(secret)]);
  return {
    [variables.tokenUrl]: props.tokenUrl ?? defaultTokenUrl,
    [variables.clientId]: props.clientId ?? defaultClientId,
    [variables.accounts]: JSON.stringify(Object.fromEntries(secrets)),
    [variables.tableName]: tableName,
    ...(budget !== undefined && {
      [variables.loginsPerHour]: String(budget.perHour),
      [variables.loginsPerDay]: String(budget.perDay),
    }),
    ...(renewWith !== undefined && { [variables.renewWith]: renewWith }),
    ...(props.defaultAccount !== undefined && { [variables.defaultAccount]: props.defaultAccount }),
  };
}

function sizeOf(variablesByName: Readonly<Record<string, string>>): number {
  return Object.entries(variablesByName).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}
