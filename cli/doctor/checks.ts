// The tables of all checks, in the order in which they are made. Used by doctor.ts.
import { checkSecret, checkState, checkToken } from './account.ts';
import { checkSigned, checkUnsigned } from './api.ts';
import { type Check, notChecked } from './check.ts';
import { checkAdmin, checkAlias } from './function.ts';
import { checkIdentity, checkRegion } from './identity.ts';
import { checkClock, checkNode, checkOutputs } from './machine.ts';

/** The checks that need no broker. */
export const firstChecks: readonly Check[] = [
  { name: 'node', run: checkNode },
  { name: 'outputs', run: checkOutputs },
  { name: 'region', run: checkRegion },
  { name: 'identity', run: checkIdentity },
];

/** The checks that are not made if `outputs` finds no broker. */
export const brokerChecks: readonly Check[] = [
  { name: 'clock', run: checkClock },
  { name: 'unsigned', run: checkUnsigned },
  { name: 'signed', run: checkSigned },
  { name: 'admin', run: checkAdmin },
];

/** The checks if neither the broker nor the operator names an account. */
export function unnamedChecks(login: boolean): readonly Check[] {
  const run = async () => notChecked('the broker does not name its accounts to these keys; name one: doctor <account>');
  return [{ name: 'accounts', run }, ...(login ? [{ name: 'token', run: checkToken(undefined) }] : [])];
}

/** The checks of one account. */
export function accountChecks(account: string): readonly Check[] {
  return [
    { name: `alias ${account}`, run: checkAlias(account) },
    { name: `secret ${account}`, run: checkSecret(account) },
    { name: `state ${account}`, run: checkState(account) },
    { name: `token ${account}`, run: checkToken(account) },
  ];
}
