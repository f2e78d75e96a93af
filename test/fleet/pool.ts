// The environments of a function as Lambda keeps them: each answers one invocation at a time. Used by tenants.ts and callers.ts.
import { type Environment, type Scene, startEnvironment } from './environment.ts';

/** Environments that wait for an invocation, of any alias. */
export interface Pool {
  /** Runs an invocation in one that waits, or in a new one. */
  readonly use: <T>(invocation: (environment: Environment) => Promise<T>) => Promise<T>;
}

/** @param count how many there are at first */
export function createPool(scene: Scene, count: number): Pool {
  const start = () => startEnvironment(scene, scene.accounts[0] ?? '');
  const waiting = Array.from({ length: count }, start);

  return {
    use: async (invocation) => {
      const [environment = start()] = waiting.splice(Math.floor(scene.random() * waiting.length), 1);
      try {
        return await invocation(environment);
      } finally {
        waiting.push(environment);
      }
    },
  };
}
