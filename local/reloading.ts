// Replaces the function by its changed sources, while calls go on. Called by local-run.ts. scenario/local/reloading.test.ts tests it.
import type { ExecutionEnvironment } from './environment.ts';
import { watchSources } from './sources.ts';

/** What a change of the sources led to. */
export interface Reload {
  /** The changed file, relative to the watched folder. */
  readonly file: string;
  /** Why the new sources cannot be loaded. The earlier ones still serve then. Undefined if the new ones serve. */
  readonly problem: string | undefined;
  readonly ms: number;
}

/** How an environment is replaced. */
export interface ReloadOptions {
  /** Starts the handler with the sources of now. */
  readonly start: () => ExecutionEnvironment;
  /** The folder of the sources, with the folders in it. */
  readonly folder: string;
  readonly onReload: (reload: Reload) => void;
  /** How long the new sources may take to load. @default 10 s, as Lambda gives a function for its start */
  readonly longestLoadMs?: number;
}

/**
 * Starts an environment, and a new one after each change of a TypeScript file. Calls that have begun end in the
 * environment that they began in. As after a deployment, the new one has nothing in memory: its first call reads the
 * table.
 */
export function startReloading(options: ReloadOptions): ExecutionEnvironment {
  const { start, folder, onReload, longestLoadMs = 10_000 } = options;
  let changed: string | undefined;
  let reloads = Promise.resolve();
  let isStopped = false;
  const stopWatching = watchSources(folder, (file) => {
    changed = file;
    reloads = reloads.then(reload);
  });
  let current = counted(start());
  const running = new Set([current]);

  return {
    loaded: current.loaded,
    handler: (event, context) => current.handler(event, context),
    stop: async () => {
      isStopped = true;
      stopWatching();
      // Also the one that is loading, because sources that never load would keep `reloads` waiting.
      await Promise.all(Array.from(running, ({ stop }) => stop()));
      await reloads;
    },
  };

  async function reload(): Promise<void> {
    if (changed === undefined || isStopped) {
      return;
    }
    const [file, from] = [changed, performance.now()];
    changed = undefined;
    const next = counted(start());
    running.add(next);
    const problem = await within(longestLoadMs, next.loaded);
    if (isStopped) {
      return;
    }
    const last = problem === undefined ? current : next;
    current = problem === undefined ? next : current;
    onReload({ file, problem, ms: performance.now() - from });
    void retire(last);
  }

  async function retire(environment: typeof current): Promise<void> {
    await environment.idle();
    await environment.stop();
    running.delete(environment);
  }
}

/** Sources may never load: a top-level `await` can wait without end. */
async function within(limitMs: number, loaded: ExecutionEnvironment['loaded']): Promise<string | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(`the sources have not loaded after ${limitMs / 1000} s`), limitMs);
  try {
    return await Promise.race([loaded, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Adds a promise that resolves when all calls of now have ended. */
function counted(environment: ExecutionEnvironment): ExecutionEnvironment & { readonly idle: () => Promise<unknown> } {
  const calls = new Set<Promise<unknown>>();
  return {
    ...environment,
    handler: (event, context) => {
      const call = environment.handler(event, context);
      calls.add(call);
      const forget = () => calls.delete(call);
      call.then(forget, forget);
      return call;
    },
    idle: () => Promise.allSettled(calls),
  };
}
