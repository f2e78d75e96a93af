// Removes parts of the protocol, one at a time, at the ports of the broker. Used by sabotage.test.ts.
import type fc from 'fast-check';
import { overConnection } from '../support/fegora/connection.ts';
import type { FaultPlan } from './fault-plan.ts';
import { deadHolderPlans } from './fault-plan-generators.ts';
import type { Sabotage } from './run-state.ts';
import type { Operation, Tamper } from './table-link.ts';

/** A part of the protocol, how to remove it, and the violation that must follow. */
export interface NamedSabotage {
  readonly part: string;
  readonly sabotage: Sabotage;
  readonly violation: RegExp;
  /** Plans in which it matters. @default any */
  readonly plans?: fc.Arbitrary<FaultPlan>;
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
  {
    part: 'the claim that takes the refresh token',
    sabotage: {
      tamper: only('claim', (input) => ({
        ...input,
        UpdateExpression: String(input.UpdateExpression).replace(/ REMOVE #refresh_token$/, ''),
      })),
    },
    violation: /sends refresh \d+ of a again/,
  },
  { part: "the table's time", sabotage: { isTimeless: true }, violation: /took a lease|past its expiry|two logins/ },
  {
    part: 'the count of the send in the claim',
    sabotage: {
      tamper: only(
        'claim',
        withSends((entries) => entries.slice(0, -1)),
      ),
    },
    violation: /after 3 refusals/,
    plans: deadHolderPlans,
  },
  {
    part: 'the rest of an hour after three refusals',
    sabotage: { tamper: withSends((entries) => entries.map(anHourOlder)) },
    violation: /a login after 3 refusals of the user in an hour/,
    plans: deadHolderPlans,
  },
];

function only(operation: Operation, change: Tamper): Tamper {
  return (input, what) => (what === operation ? change(input, what) : input);
}

/** Changes the log of sends that a write stores. */
function withSends(change: (entries: readonly string[]) => readonly string[]): Tamper {
  return (input) => {
    const values = Object(input.ExpressionAttributeValues);
    const text: unknown = values[':sends']?.S;
    if (typeof text !== 'string') {
      return input;
    }
    const S = change(text.split(' ').filter((entry) => entry !== '')).join(' ');
    return { ...input, ExpressionAttributeValues: { ...values, ':sends': { S } } };
  };
}

/** An entry is `<seconds in base 36>.<tag>`. */
function anHourOlder(entry: string): string {
  const [seconds = '', tag] = entry.split('.');
  return `${(Number.parseInt(seconds, 36) - 3600).toString(36)}.${tag}`;
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
