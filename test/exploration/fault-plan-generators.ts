import fc from 'fast-check';
import { type Deviation, type Plan, scenarios, type Turn } from './fault-plan.ts';
import type { Mood } from './fegora-model.ts';

const environments = [0, 1, 2];
/** Longer than the guard allows; longer than a login may take; longer than a lease and the wait after it. */
const freezesMs = [2500, 9000, 20_000];
/** All beyond what clocks may be apart and a read can tell. */
const jumpsMs = [-3_600_000, -30_000, -6000, 6000, 30_000, 3_600_000];
const delaysMs = [1000, 2500, 6000, 20_000];
const moods: readonly Mood[] = ['html_500', 'unavailable', 'cut', 'unusable'];
/** All within the lease, so that not even a client that hung up, or stands still, leaves Fegora at work on two logins. */
const workMs = [1500, 6000, 12_000];

/** What can happen to a process, to a message, and to Fegora. */
export const deviations: readonly Deviation[] = [
  ...environments.flatMap((env) => [
    ...(['kill', 'warm', 'verify', 'report', 'purge', 'clear-rejection'] as const).map((kind) => ({ kind, env })),
    ...freezesMs.flatMap((ms) => (['stop', 'doze', 'suspend'] as const).map((kind) => ({ kind, env, ms }))),
    ...jumpsMs.map((ms) => ({ kind: 'jump', env, ms }) as const),
  ]),
  ...[0, 1, 2].flatMap((nth) => [
    ...(['lose', 'first'] as const).map((kind) => ({ kind, nth })),
    ...delaysMs.map((ms) => ({ kind: 'hold', nth, ms }) as const),
  ]),
  ...moods.map((mood) => ({ kind: 'mood', mood }) as const),
  ...workMs.map((ms) => ({ kind: 'work', ms }) as const),
  { kind: 'change' },
  { kind: 'rotate' },
];

/** A moment of a run: most that matters happens within a few steps. */
const steps = fc.oneof({ weight: 3, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(60) });

const turn: fc.Arbitrary<Turn> = fc.record({ after: steps, what: fc.constantFrom(...deviations) });

/** Plans for a Fegora that is slow as it is. A process that stands still could not hang up on it. */
export const slowPlans: fc.Arbitrary<Plan> = fc.record({
  scenario: fc.constant('slow'),
  order: fc.oneof(fc.constant(0), fc.nat(2 ** 31)),
  turns: fc.array(
    turn.filter(({ what }) => !['stop', 'doze', 'suspend', 'work'].includes(what.kind)),
    { maxLength: 6 },
  ),
});

/** Any plan in which up to eight things happen. */
export const plans: fc.Arbitrary<Plan> = fc.record({
  scenario: fc.constantFrom(...scenarios),
  order: fc.oneof(fc.constant(0), fc.nat(2 ** 31)),
  turns: fc.array(turn, { minLength: 1, maxLength: 8 }).filter(areTellable),
});

/**
 * A process whose monotonic clock stood still and whose wall clock was then set back has no way to know that time went
 * by: nobody asks it to.
 */
function areTellable(turns: readonly Turn[]): boolean {
  const suspended = new Set(turns.flatMap(({ what }) => (what.kind === 'suspend' ? [what.env] : [])));
  return !turns.some(({ what }) => what.kind === 'jump' && what.ms < 0 && suspended.has(what.env));
}
