// What a secret is: how it is read, and the check of its text. Called by credential-source.ts.
import { BrokerError } from '../errors.ts';
import { parseJsonObject } from '../json.ts';

/** One version of a secret. */
export interface SecretVersion {
  readonly versionId: string | undefined;
  /** Complete ARN of the secret. */
  readonly arn?: string | undefined;
  /** Absent if the secret is binary. */
  readonly text: string | undefined;
}

/** Reads the AWSCURRENT version of a secret. Rejects with what the SDK throws. */
export type GetSecretValue = (secretId: string, signal: AbortSignal) => Promise<SecretVersion>;

/** The fields of a secret. */
export interface SecretFields {
  readonly username: string;
  readonly password: string;
  readonly clientId?: string;
}

/** The limit of Secrets Manager. */
const longestBytes = 65_536;
/** Characters: far more than a login form accepts. */
const longestField = 1_024;

const names: ReadonlySet<string> = new Set(['username', 'password', 'client_id']);

/**
 * Reads `{"username","password","client_id"?}`. Its errors name only the fields that we define: a value, or the name of
 * an unexpected member, may be a misplaced password.
 *
 * @param text undefined if the secret is binary
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
  // Editors and PowerShell write a byte order mark, and `aws … file://` stores it.
  const members = parseJsonObject(text.replace(/^\ufeff/, ''));
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
  const fault = faultIn(value);
  if (fault !== undefined) {
    throw malformed(`field ${name} ${fault}`);
  }
  return value;
}

function faultIn(value: string): string | undefined {
  if (value === '') {
    return 'is empty';
  }
  if (value !== value.trim()) {
    return 'has white space around it';
  }
  if (value.length > longestField) {
    return 'is too long';
  }
  // Half a surrogate pair has no UTF-8 encoding, so Fegora would get another password than the stored one.
  return value.isWellFormed() ? undefined : 'is not well-formed Unicode';
}

function malformed(fault: string): BrokerError {
  return new BrokerError('secret_malformed', `the secret is not of the expected form: ${fault}`);
}
