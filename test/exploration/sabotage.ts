// Removes parts of the protocol, one at a time, at the ports of the broker. Used by sabotage.test.ts.
import { overConnection } from '../support/fegora/connection.ts';
import type { Sabotage } from './run-state.ts';
import type { Operation, Tamper } from './table-link.ts';

/** A part of the protocol, how to remove it, and the violation that must follow. */
interface NamedSabotage {
  readonly part: string;
  readonly sabotage: Sabotage;
  readonly violation: RegExp;
}

/**
 * Each sabotage must lead to a violation: if the exploration finds nothing without a part of the protocol, it proves
 * nothing with that part.
 */
export const sabotages: readonly NamedSabotage[] = [
  {
    part: 'the revision condition',
    sabotage: {
      tamper: only('claim', (input) => ({
        ...input,
        ConditionExpression: 'attribute_not_exists(#lease_until) OR #lease_until < :ended',
      })),
    },
    violation: /before another login was due|although no login was allowed|was rejected when it was claimed for/,
  },
  {
    part: 'the owner condition',
    sabotage: {
      tamper: (input, what) => {
        const { ConditionExpression, ...rest } = input;
        return what === 'publish' || what === 'fail' ? rest : input;
      },
    },
    violation: /replaced token|two logins|no token minutes after/,
  },
  {
    part: 'the guard before the first byte',
    sabotage: {
      tamperLogin: (login) => async (opening) =>
        overConnection(await login(opening), (send, credentials, { signal }) =>
          send(credentials, { signal, beforeFirstByte: () => true }),
        ),
    },
    violation: /two logins|Fegora had refused it/,
  },
  {
    part: 'the lease that stands after an unknown outcome',
    sabotage: { tamper: only('fail', endLease) },
    violation: /two logins inside a server that takes less time than the lease/,
  },
  {
    part: 'the stored rejection',
    sabotage: {
      tamper: only('reject', (input) => ({
        ...input,
        UpdateExpression: String(input.UpdateExpression).replace(', #marks :marks', ''),
      })),
    },
    violation: /Fegora had refused it/,
  },
  { part: "the table's time", sabotage: { isTimeless: true }, violation: /took a lease|past its expiry|two logins/ },
];

function only(operation: Operation, change: Tamper): Tamper {
  return (input, what) => (what === operation ? change(input, what) : input);
}

/** Ends the lease as if the result were known. The next login is due after the short back-off. */
function endLease(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const values = input.ExpressionAttributeValues;
  const names = input.ExpressionAttributeNames;
  const text = String(input.UpdateExpression);
  if (text.includes('#lease_until') || !text.includes('#retry_at')) {
    return input;
  }
  const failedAt = Number(Object(values)[':last_error_at']?.N);
  return {
    ...input,
    UpdateExpression: text.replace('SET ', 'SET #lease_until = :no_lease, '),
    ExpressionAttributeNames: { ...Object(names), '#lease_until': 'lease_until' },
    ExpressionAttributeValues: {
      ...Object(values),
      ':no_lease': { N: '0' },
      ':retry_at': { N: String(failedAt + 5000) },
    },
  };
}
