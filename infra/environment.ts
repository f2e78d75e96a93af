import { defaultClientId, defaultTokenUrl, variables } from '../lambda/config.ts';
import type { AccountSecret } from './secrets.ts';

/** What the function is told by its environment. */
export interface EnvironmentProps {
  /** Account id to its secret. */
  readonly secrets: ReadonlyMap<string, AccountSecret>;
  readonly tableName: string;
  readonly defaultAccount: string | undefined;
  readonly tokenUrl: string | undefined;
  readonly clientId: string | undefined;
}

/** Lambda's limit on all variables of a function together. */
const limitBytes = 4096;
/** The longest name of a table. */
const longestTableName = 255;

/**
 * The function's variables.
 *
 * @throws Error when they may not fit Lambda's 4 KB, which a deployment would find out half way
 */
export function brokerEnvironment(props: EnvironmentProps): Readonly<Record<string, string>> {
  const size = sizeOf(render(props, ({ longestArn }) => 'x'.repeat(longestArn), 'x'.repeat(longestTableName)));
  if (size > limitBytes) {
    throw new Error(
      `the accounts do not fit the function's environment: up to ${size} of ${limitBytes} bytes; deploy a second broker`,
    );
  }
  return render(props, ({ secretArn }) => secretArn, props.tableName);
}

function render(
  props: EnvironmentProps,
  arnOf: (secret: AccountSecret) => string,
  tableName: string,
): Readonly<Record<string, string>> {
  const secrets = [...props.secrets].map(([account, secret]) => [account, arnOf(secret)]);
  return {
    [variables.tokenUrl]: props.tokenUrl ?? defaultTokenUrl,
    [variables.clientId]: props.clientId ?? defaultClientId,
    [variables.accounts]: JSON.stringify(Object.fromEntries(secrets)),
    [variables.tableName]: tableName,
    ...(props.defaultAccount !== undefined && { [variables.defaultAccount]: props.defaultAccount }),
  };
}

function sizeOf(variablesByName: Readonly<Record<string, string>>): number {
  return Object.entries(variablesByName).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}
