// Generates fault plans for fast-check. Used by the tests of the exploration.
import fc from 'fast-check';
import { renewals } from '../../lambda/config.ts';
import { type Fault, type FaultPlan, type PlannedFault, scenarios } from './fault-plan.ts';
import type { Behavior } from './fegora-model.ts';

const environments = [0, 1, 2];
/** Longer than the guard allows; longer than a login may take; longer than a lease plus the wait after it. */
const freezesMs = [2500, 9000, 20_000];
/** All larger than the clock tolerance plus what a read of the table can hide. */
const jumpsMs = [-3_600_000, -30_000, -6000, 6000, 30_000, 3_600_000];
const delaysMs = [1000, 2500, 6000, 20_000];
const behaviors: readonly Behavior[] = ['html_500', 'unavailable', 'cut', 'unusable', 'lost-successor', 'replayed'];
/** All shorter than the lease, so that Fegora never works on two logins even if the client hung up or is frozen. */
const loginTimesMs = [1500, 6000, 12_000];

/** All single faults: of a process, of a message, and of Fegora. */
export const allFaults: readonly Fault[] = [
  ...environments.flatMap((env) => [
    ...(['kill', 'warm', 'verify', 'report', 'purge', 'clear-rejection'] as const).map((kind) => ({ kind, env })),
    ...freezesMs.flatMap((ms) => (['stop', 'stop-then-read', 'suspend'] as const).map((kind) => ({ kind, env, ms }))),
    ...jumpsMs.map((ms) => ({ kind: 'clock-jump', env, ms }) as const),
  ]),
  ...[0, 1, 2].flatMap((nth) => [
    ...(['lose', 'overtake'] as const).map((kind) => ({ kind, nth })),
    ...delaysMs.map((ms) => ({ kind: 'delay', nth, ms }) as const),
  ]),
  ...behaviors.map((behavior) => ({ kind: 'behavior', behavior }) as const),
  ...loginTimesMs.map((ms) => ({ kind: 'login-time', ms }) as const),
  { kind: 'change-password' },
  { kind: 'rotate-secret' },
  { kind: 'log-in-elsewhere' },
];

/** Both modes. */
const renewWith = fc.constantFrom(...renewals);

/** A number of steps. Small numbers are more likely, because most faults matter within a few steps. */
const steps = fc.oneof({ weight: 3, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(60) });

const plannedFault: fc.Arbitrary<PlannedFault> = fc.record({ after: steps, fault: fc.constantFrom(...allFaults) });

/** Plans with a slow Fegora. They freeze no process, because a frozen process cannot hang up in time. */
export const slowFaultPlans: fc.Arbitrary<FaultPlan> = fc.record({
  scenario: fc.constant('slow'),
  renewWith,
  order: fc.oneof(fc.constant(0), fc.nat(2 ** 31)),
  faults: fc.array(
    plannedFault.filter(({ fault }) => !['stop', 'stop-then-read', 'suspend', 'login-time'].includes(fault.kind)),
    { maxLength: 6 },
  ),
});

/** More steps than callers take until a lease has ended. */
const leaseSteps = 300;

/** Kills all environments at once, so that the one that logs in is among them. */
const killAll: fc.Arbitrary<PlannedFault[]> = fc
  .nat(leaseSteps)
  .map((after) => environments.map((env) => ({ after: env === 0 ? after : 0, fault: { kind: 'kill', env } })));

/** Plans in which holders die after sending a wrong password, before they can write that it was refused. */
export const deadHolderPlans: fc.Arbitrary<FaultPlan> = fc.record({
  scenario: fc.constant('refused'),
  renewWith,
  order: fc.oneof(fc.constant(0), fc.nat(2 ** 31)),
  faults: fc
    .array(killAll, { minLength: 2, maxLength: 4 })
    .map((kills) => [{ after: 0, fault: { kind: 'login-time', ms: 6000 } }, ...kills.flat()]),
});

/** Plans with any scenario and one to eight faults. */
export const faultPlans: fc.Arbitrary<FaultPlan> = fc.record({
  scenario: fc.constantFrom(...scenarios),
  renewWith,
  order: fc.oneof(fc.constant(0), fc.nat(2 ** 31)),
  faults: fc.array(plannedFault, { minLength: 1, maxLength: 8 }).filter(areDetectable),
});

/**
 * Excludes a suspension together with a clock that is set back in the same environment: the monotonic clock stood still
 * and the wall clock went back, so the process cannot know how much time passed.
 */
function areDetectable(faults: readonly PlannedFault[]): boolean {
  const suspended = new Set(faults.flatMap(({ fault }) => (fault.kind === 'suspend' ? [fault.env] : [])));
  return !faults.some(({ fault }) => fault.kind === 'clock-jump' && fault.ms < 0 && suspended.has(fault.env));
}
