// The members of the lines in the log: each is named here, so a line never contains a whole event or error. Called by telemetry.ts.
import type { Grant } from '../broker/contract.ts';
import { expiresAt } from '../broker/token.ts';
import type { BrokerError } from '../errors.ts';
import type { Invocation } from '../events/invocation.ts';

/** Who called what, and how. */
export function invocationFields(invocation: Invocation): Readonly<Record<string, string>> {
  return {
    authority: invocation.entryPoint,
    caller: invocation.caller,
    request_id: invocation.requestId,
    invocation_id: invocation.invocationId,
    ...(invocation.account !== undefined && { account: invocation.account }),
  };
}

/** The token that a call got: its fingerprint and times, never its text. */
export function grantFields(grant: Grant, want: 'token' | 'metadata'): Readonly<Record<string, string>> {
  const { token, source, warning } = grant;
  return {
    source,
    token_sha256: token.fingerprint,
    secret_version: token.versionId,
    expires_at: new Date(expiresAt(token)).toISOString(),
    // The caller of `metadata` did not get the token.
    ...(want === 'metadata' && { want }),
    ...(warning !== undefined && { warning }),
  };
}

/** The detail names stages and fields, never values. The cause may quote anything: only its name and place are logged. */
export function errorFields(error: BrokerError): Readonly<Record<string, string | readonly string[]>> {
  const { cause } = error;
  return {
    code: error.code,
    detail: error.message,
    ...(cause instanceof Error && { cause: causeName(cause), frames: framesOf(cause) }),
  };
}

/** The system's error code if there is one. The answer of a service may contain a `code` too, with any text in it. */
function causeName(cause: Error): string {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (/^[A-Z][A-Z0-9_]{1,63}$/.test(code)) {
    return code;
  }
  return /^\w{1,64}$/.test(cause.name) ? cause.name : 'unnamed';
}

function framesOf(cause: Error): readonly string[] {
  const frame = /^ +at (?:[\w.<>$ ]+ \()?(?:file:|node:|\/)[\w./:@+-]+:\d+:\d+\)?$/;
  return (cause.stack ?? '')
    .split('\n')
    .filter((line) => frame.test(line))
    .slice(0, 5)
    .map((line) => line.trim());
}
