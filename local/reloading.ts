// Replaces the function by its changed sources, while calls go on. Called by local-run.ts.
import { watch } from 'node:fs';
import type { ExecutionEnvironment } from './environment.ts';

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
}

/** An editor writes a file in several steps, and a change of branch many files. */
const settleMs = 100;

/**
 * Starts an environment, and a new one after each change of a TypeScript file. Calls that have begun end in the
 * environment that they began in. As after a deployment, the new one has nothing in memory: its first call reads the
 * table.
 */
export function startReloading({ start, folder, onReload }: ReloadOptions): ExecutionEnvironment {
  let current = counted(start());
  const running = new Set([current]);
  let changed: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let reloads = Promise.resolve();
  let isStopped = false;
  const watcher = watch(folder, { recursive: true }, (_, file) => {
    if (file?.endsWith('.ts')) {
      changed = file;
      clearTimeout(timer);
      timer = setTimeout(() => {
        reloads = reloads.then(reload);
      }, settleMs);
    }
  });

  return {
    loaded: current.loaded,
    handler: (event, context) => current.handler(event, context),
    stop: async () => {
      isStopped = true;
      watcher.close();
      clearTimeout(timer);
      await reloads;
      await Promise.all(Array.from(running, ({ stop }) => stop()));
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
    const problem = await next.loaded;
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
