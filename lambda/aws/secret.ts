import { BrokerError } from '../errors.ts';
import { parseJsonObject } from '../json.ts';

/** What a secret must say, and may. */
export interface SecretFields {
  readonly username: string;
  readonly password: string;
  readonly clientId?: string;
}

/** What Secrets Manager takes at most. */
const longestBytes = 65_536;
/** Characters; far over what any login form takes. */
const longestField = 1_024;

const names: ReadonlySet<string> = new Set(['username', 'password', 'client_id']);

/**
 * Reads `{"username","password","client_id"?}`. What is wrong is said by the name of our own field alone: a value, and
 * the name of a member that does not belong there, may be a misplaced password.
 *
 * @param text absent where the secret is binary
 * @throws BrokerError `secret_malformed`
 */
export function parseSecret(text: string | undefined): SecretFields {
  const secret = parseMembers(text);
  if ([...secret.keys()].some((name) => !names.has(name))) {
    throw malformed('it has a member other than username, password and client_id');
  }
  const fields = { username: field(secret, 'username'), password: field(secret, 'password') };
  return secret.has('client_id') ? { ...fields, clientId: field(secret, 'client_id') } : fields;
}

function parseMembers(text: string | undefined): ReadonlyMap<string, unknown> {
  if (text === undefined) {
    throw malformed('it is binary');
  }
  if (Buffer.byteLength(text) > longestBytes) {
    throw malformed('it is over 64 KB');
  }
  const members = parseJsonObject(text);
  if (members === undefined) {
    throw malformed('it is not a JSON object that names each member once');
  }
  return members;
}

function field(secret: ReadonlyMap<string, unknown>, name: string): string {
  const value = secret.get(name);
  if (typeof value !== 'string') {
    throw malformed(`field ${name} is ${value === undefined ? 'missing' : 'not a string'}`);
  }
  const fault = faultOf(value);
  if (fault !== undefined) {
    throw malformed(`field ${name} ${fault}`);
  }
  return value;
}

function faultOf(value: string): string | undefined {
  if (value === '') {
    return 'is empty';
  }
  if (value !== value.trim()) {
    return 'has white space around it';
  }
  if (value.length > longestField) {
    return 'is too long';
  }
  // Half a surrogate pair has no bytes of its own: what Fegora got would not be what was stored.
  return value.isWellFormed() ? undefined : 'is not well-formed Unicode';
}

function malformed(fault: string): BrokerError {
  return new BrokerError('secret_malformed', `the secret is not of the expected form: ${fault}`);
}
