// Simulates true time, processes with clocks of their own, and messages. Used by the exploration and test/soak.
import type { Clock } from '../../lambda/broker/clock.ts';

/**
 * True time, the processes and the messages between them and the servers. Nothing happens unless `deliver`, `pass` or a
 * method of a host is called, so a run can be repeated exactly.
 */
export interface Simulation {
  /** True time, epoch milliseconds. */
  readonly now: () => number;
  /** Adds a line about what happened. */
  readonly log: (line: string) => void;
  /** The latest lines. */
  readonly lines: () => readonly string[];
  /** Messages under way, in the order in which they were sent. */
  readonly messages: readonly Message[];
  readonly send: (message: Message) => void;
  /** Lets a message arrive, and lets its receiver run until it waits again. */
  readonly deliver: (message: Message) => Promise<void>;
  readonly lose: (message: Message) => void;
  /** Lets a message arrive after `ms` of true time. */
  readonly delay: (message: Message, ms: number) => void;
  /** Calls `happen` after `ms` of true time, independent of any process. */
  readonly after: (ms: number, happen: () => void | Promise<void>) => void;
  /**
   * Lets time pass until the next timer of a running process, or the next planned event, and runs it.
   *
   * @throws Error if nothing is planned
   */
  readonly pass: () => Promise<void>;
  readonly host: (name: string, offsetMs: number) => Host;
}

/** A request or an answer under way. */
export interface Message {
  /** The process that sent the request. */
  readonly host: Host;
  readonly text: string;
  readonly arrive: () => void | Promise<void>;
  readonly lost?: () => void;
  /** The latest true time at which it must arrive. */
  readonly latest?: number;
}

/** A process with clocks of its own. */
export interface Host {
  readonly name: string;
  readonly clock: Clock;
  readonly state: () => 'running' | 'stopped' | 'suspended' | 'dead';
  /**
   * Stops the process. `stopped`, as by SIGSTOP: the monotonic clock continues and timers come due. `suspended`, as with
   * a whole machine: the monotonic clock and the timers stand still.
   */
  readonly freeze: (how: 'stopped' | 'suspended') => void;
  /** Continues the process. It handles `first` the due timers or the messages that arrived; a real process may do either. */
  readonly thaw: (first: 'timers' | 'arrivals') => Promise<void>;
  /** Moves the wall clock. */
  readonly jump: (ms: number) => void;
  /** Wall clock minus true time. Milliseconds. */
  readonly offset: () => number;
  /** Ends the process. It reads no more messages. Messages that it sent are still under way. */
  readonly kill: () => void;
  /** Calls `take` as soon as the process runs. */
  readonly receive: (take: () => void) => void;
}

interface Timer {
  at: number;
  readonly host: Host | undefined;
  readonly fire: () => void | Promise<void>;
}

/** Number of lines that are kept. */
const mostLines = 4000;

/** Lets all pending promises settle, including those of the guard, which take two turns. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function createSimulation(startMs = Date.UTC(2026, 0, 15, 12)): Simulation {
  let time = startMs;
  const timers = new Set<Timer>();
  const messages: Message[] = [];
  const lines: string[] = [];

  const simulation: Simulation = {
    now: () => time,
    log: (line) => {
      lines.splice(0, lines.length > mostLines ? mostLines / 2 : 0);
      lines.push(`${((time - startMs) / 1000).toFixed(3).padStart(9)} s  ${line}`);
    },
    lines: () => lines,
    messages,
    send: (message) => {
      messages.push(message);
    },
    deliver: async (message) => {
      remove(message);
      await arrive(message);
      await settle();
    },
    delay: (message, ms) => {
      remove(message);
      simulation.after(ms, () => arrive(message));
    },
    lose: (message) => {
      remove(message);
      simulation.log(`* lost: ${message.text}`);
      message.lost?.();
    },
    after: (ms, happen) => {
      timers.add({ at: time + ms, host: undefined, fire: happen });
    },
    pass,
    host: (name, offsetMs) => createHost(name, offsetMs, { now: () => time, timers, log: simulation.log }),
  };
  return simulation;

  function remove(message: Message): void {
    messages.splice(messages.indexOf(message), 1);
  }

  async function arrive(message: Message): Promise<void> {
    simulation.log(message.text);
    await message.arrive();
  }

  function earliest(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of timers) {
      const runs = timer.host === undefined || timer.host.state() === 'running';
      if (runs && (first === undefined || timer.at < first.at)) {
        first = timer;
      }
    }
    return first;
  }

  async function pass(): Promise<void> {
    const due = earliest();
    if (due === undefined) {
      throw new Error('no message, timer or event is left');
    }
    const overdue = messages.find(({ latest }) => latest !== undefined && latest <= due.at);
    if (overdue !== undefined) {
      await simulation.deliver(overdue);
      return;
    }
    time = Math.max(time, due.at);
    timers.delete(due);
    await due.fire();
    await settle();
  }
}

interface HostDependencies {
  readonly now: () => number;
  readonly timers: Set<Timer>;
  readonly log: (line: string) => void;
}

function createHost(name: string, offsetMs: number, { now, timers, log }: HostDependencies): Host {
  let offset = offsetMs;
  let state: ReturnType<Host['state']> = 'running';
  let frozenAt = 0;
  let suspendedMs = 0;
  const arrived: (() => void)[] = [];
  const startedAt = now();

  const monotonic = (): number => (state === 'suspended' ? frozenAt : now()) - startedAt - suspendedMs;

  const host: Host = {
    name,
    clock: { now: () => now() + offset, monotonic, sleep },
    state: () => state,
    offset: () => offset,
    freeze: (how) => {
      if (state === 'running') {
        state = how;
        frozenAt = now();
        log(`* ${name} ${how}`);
      }
    },
    thaw,
    jump: (ms) => {
      offset += ms;
      log(`* ${name}'s wall clock jumps by ${ms / 1000} s`);
    },
    kill: () => {
      state = 'dead';
      log(`* ${name} killed`);
      for (const timer of ownTimers()) {
        timers.delete(timer);
      }
    },
    receive: (take) => {
      if (state === 'running') {
        take();
      } else if (state !== 'dead') {
        arrived.push(take);
      }
    },
  };
  return host;

  function ownTimers(): Timer[] {
    return [...timers].filter((timer) => timer.host === host);
  }

  async function thaw(first: 'timers' | 'arrivals'): Promise<void> {
    if (state !== 'stopped' && state !== 'suspended') {
      return;
    }
    if (state === 'suspended') {
      moveTimers(now() - frozenAt);
      suspendedMs += now() - frozenAt;
    }
    state = 'running';
    log(`* ${name} continues`);
    const steps = [fireDue, takeArrivals];
    for (const step of first === 'timers' ? steps : steps.reverse()) {
      step();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await settle();
  }

  function moveTimers(ms: number): void {
    for (const timer of ownTimers()) {
      timer.at += ms;
    }
  }

  function fireDue(): void {
    const due = ownTimers().filter(({ at }) => at <= now());
    for (const timer of due.sort((a, b) => a.at - b.at)) {
      timers.delete(timer);
      void timer.fire();
    }
  }

  function takeArrivals(): void {
    for (const take of arrived.splice(0)) {
      take();
    }
  }

  async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) {
      return;
    }
    await new Promise<void>((resolve) => {
      const fire = (): void => {
        timers.delete(timer);
        signal?.removeEventListener('abort', fire);
        resolve();
      };
      const timer: Timer = { at: now() + Math.max(0, Math.ceil(ms)), host, fire };
      timers.add(timer);
      signal?.addEventListener('abort', fire, { once: true });
    });
  }
}
