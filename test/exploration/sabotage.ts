import type { Sabotage } from './run.ts';
import type { Operation, Tamper } from './table-link.ts';

/**
 * The protocol with one of its parts taken out, by changing at its ports what it asks for. Each of them must be missed:
 * an exploration that finds nothing wrong without it proves nothing with it.
 */
export const sabotages: readonly { readonly part: string; readonly sabotage: Sabotage; readonly harm: RegExp }[] = [
  {
    part: 'the revision condition',
    sabotage: {
      tamper: only('claim', (input) => ({
        ...input,
        ConditionExpression: 'attribute_not_exists(#lease_until) OR #lease_until < :ended',
      })),
    },
    harm: /before another login was due|although nobody was to try|was marked when it was claimed for/,
  },
  {
    part: 'the owner condition',
    sabotage: {
      tamper: (input, what) => {
        const { ConditionExpression, ...rest } = input;
        return what === 'publish' || what === 'fail' ? rest : input;
      },
    },
    harm: /in the place of token|two logins/,
  },
  {
    part: 'the guard before the first byte',
    sabotage: {
      tamperLogin:
        (login) =>
        (credentials, { signal }) =>
          login(credentials, { signal, beforeFirstByte: () => {} }),
    },
    harm: /two logins|which login \d+ had refused/,
  },
  {
    part: 'the lease that stands after an unknown outcome',
    sabotage: { tamper: only('fail', endLease) },
    harm: /two logins inside a server that takes less than the lease/,
  },
  {
    part: 'the mark',
    sabotage: {
      tamper: only('mark', (input) => ({
        ...input,
        UpdateExpression: String(input.UpdateExpression).replace(', #marks :marks', ''),
      })),
    },
    harm: /which login \d+ had refused/,
  },
  { part: "the table's time", sabotage: { isTimeless: true }, harm: /stole a lease|past its expiry|two logins/ },
];

function only(operation: Operation, change: Tamper): Tamper {
  return (input, what) => (what === operation ? change(input, what) : input);
}

/** As if the outcome were known: the lease ends, and the next login is due after the short hold. */
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
