// The warning before a new password could lock the Fegora user.
import { describe, expect, test } from 'vitest';
import { confirmRisk, isRefused } from '../../../../cli/credentials/lockout.ts';

const now = Date.UTC(2026, 10, 24, 12);
const minute = 60_000;
const iso = (ms: number) => new Date(now + ms).toISOString();
const refusedAt = (ms: number) => ({ last_error: { code: 'credentials_rejected', at: iso(ms) } });

/** Runs the check at a terminal that gets this answer. Without an answer there is no terminal. */
async function confirm(status: unknown, { answer, yes = false }: { answer?: string; yes?: boolean } = {}) {
  const said: string[] = [];
  const ask = async (question: string) => {
    said.push(question);
    return answer ?? '';
  };
  const note = (line: string) => void said.push(line);
  const output = { isInteractive: answer !== undefined, note, ask };
  const failure = await confirmRisk(output, status, { yes, now }).catch((thrown: unknown) => thrown);
  return { said, failure };
}

describe('a new password', () => {
  test.each([
    ['the broker was not asked', undefined],
    ['the answer is of another form', 'text'],
    ['nothing was ever refused', { account: 'main', paused: false, marks: 0 }],
    ['an earlier version was refused more than an hour ago', { marks: 2, ...refusedAt(-61 * minute) }],
    ['the last error is another one', { last_error: { code: 'upstream_timeout', at: iso(-minute) } }],
    ['the last error has no time', { last_error: { code: 'credentials_rejected', at: 'never' } }],
    ['the broker counts no refused send', { refused_sends: 0, ...refusedAt(-minute) }],
    ['the rest of the user is over', { refused_sends: 0, rests_until: iso(-1) }],
  ])('needs no question when %s', async (_, status) => {
    expect(await confirm(status)).toEqual({ said: [], failure: undefined });
  });

  test.each([
    ['an hour ago at the most', refusedAt(-59 * minute), 'a password of this account within the last hour. One more'],
    ['once by its count', { refused_sends: 1 }, 'a password of this account within the last hour. One more'],
    ['twice by its count', { refused_sends: 2 }, '2 passwords of this account within the last hour. One more'],
    ['until it rests', { refused_sends: 3, rests_until: iso(minute) }, `sends no other one before ${iso(minute)}`],
  ])('needs a yes when Fegora refused one %s', async (_, status, text) => {
    const agreed = await confirm(status, { answer: 'y' });
    const silent = await confirm(status, { answer: '' });

    expect(agreed.failure).toBeUndefined();
    expect(agreed.said).toEqual([expect.stringContaining(text), expect.stringContaining('[y/N]')]);
    expect(silent.failure).toMatchObject({ exitCode: 1, message: 'nothing was stored' });
  });

  test('needs --yes without a terminal, and --yes asks nothing but warns', async () => {
    const status = { refused_sends: 2 };
    const refused = await confirm(status);

    expect(refused.said).toEqual([]);
    expect(refused.failure).toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(/^nothing was stored.*--yes\.$/),
    });
    expect(await confirm(status, { yes: true })).toEqual({
      said: [expect.stringContaining('2 passwords')],
      failure: undefined,
    });
    expect((await confirm(status, { answer: 'n', yes: true })).failure).toBeUndefined();
  });
});

describe('the current version', () => {
  test.each([
    ['there is no status', undefined, false],
    ['nothing was refused', { last_login: iso(0) }, false],
    ['the last error is another one', { last_error: { code: 'upstream_timeout', at: iso(0) } }, false],
    ['it was refused and no login ever succeeded', refusedAt(-90 * minute), true],
    ['it was refused after the last login', { ...refusedAt(0), last_login: iso(-1) }, true],
    ['a login succeeded after the refusal', { ...refusedAt(-1), last_login: iso(0) }, false],
  ])('counts as refused only by its last answer: %s', (_, status, refused) => {
    expect(isRefused(status)).toBe(refused);
  });
});
