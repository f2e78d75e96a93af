import type { Clock } from '../../lambda/broker/ports.ts';

/**
 * True time, the environments that live in it, and the messages between them and the servers. Nothing happens but what
 * `deliver`, `pass` and the environments' own switches bring about, so that a run can be repeated to the letter.
 */
export interface Universe {
  /** True time, epoch milliseconds. */
  readonly now: () => number;
  /** What happened, one line each. */
  readonly log: (line: string) => void;
  readonly lines: () => readonly string[];
  /** Messages under way, in the order in which they were sent. */
  readonly messages: readonly Message[];
  readonly send: (message: Message) => void;
  /** Lets a message arrive, and lets whoever gets it run on until it waits again. */
  readonly deliver: (message: Message) => Promise<void>;
  readonly lose: (message: Message) => void;
  /** Lets a message arrive after so much true time. */
  readonly delay: (message: Message, ms: number) => void;
  /** Something that happens after `ms` of true time, to nobody's process. */
  readonly after: (ms: number, happen: () => void | Promise<void>) => void;
  /** When the next timer of a process that runs, or the next thing to happen, is due. */
  readonly next: () => number | undefined;
  /** Lets time go by to that moment, and does what is due. */
  readonly pass: () => Promise<void>;
  readonly host: (name: string, offsetMs: number) => Host;
}

/** A request or an answer under way. */
export interface Message {
  /** Whose conversation it belongs to. */
  readonly host: Host;
  readonly text: string;
  readonly arrive: () => void | Promise<void>;
  readonly lost?: () => void;
  /** Has to arrive before true time passes this moment. */
  readonly latest?: number;
}

/** A process with clocks of its own. */
export interface Host {
  readonly name: string;
  readonly clock: Clock;
  readonly state: () => 'running' | 'stopped' | 'suspended' | 'dead';
  /**
   * Takes the processor away. `stopped`, as by SIGSTOP: the monotonic clock goes on and timers come due meanwhile;
   * `suspended`, as a machine is: it stands still, and timers with it.
   */
  readonly freeze: (how: 'stopped' | 'suspended') => void;
  /** What is done first: the timers that are due, or what lies in the sockets. A process may find itself in either. */
  readonly thaw: (first: 'timers' | 'arrivals') => Promise<void>;
  /** Sets the wall clock. */
  readonly jump: (ms: number) => void;
  /** The wall clock's distance from true time. Milliseconds. */
  readonly offset: () => number;
  /** For ever: what has arrived is not read, what was sent is still under way. */
  readonly kill: () => void;
  /** Runs once the process has the processor. */
  readonly receive: (take: () => void) => void;
}

interface Timer {
  at: number;
  readonly host: Host | undefined;
  readonly fire: () => void | Promise<void>;
}

/** What is remembered of what happened: the latest lines, and no more than a long run can afford. */
const mostLines = 4000;

/** Lets promises and the guard's own two turns run out. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function createUniverse(startMs = Date.UTC(2026, 0, 15, 12)): Universe {
  let time = startMs;
  const timers = new Set<Timer>();
  const messages: Message[] = [];
  const lines: string[] = [];

  const universe: Universe = {
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
      universe.after(ms, () => arrive(message));
    },
    lose: (message) => {
      remove(message);
      universe.log(`* lost: ${message.text}`);
      message.lost?.();
    },
    after: (ms, happen) => {
      timers.add({ at: time + ms, host: undefined, fire: happen });
    },
    next: () => earliest()?.at,
    pass,
    host: (name, offsetMs) => createHost(name, offsetMs, { now: () => time, timers, log: universe.log }),
  };
  return universe;

  function remove(message: Message): void {
    messages.splice(messages.indexOf(message), 1);
  }

  async function arrive(message: Message): Promise<void> {
    universe.log(message.text);
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
      throw new Error('nothing will ever happen again');
    }
    const overdue = messages.find(({ latest }) => latest !== undefined && latest <= due.at);
    if (overdue !== undefined) {
      await universe.deliver(overdue);
      return;
    }
    time = Math.max(time, due.at);
    timers.delete(due);
    await due.fire();
    await settle();
  }
}

interface Surroundings {
  readonly now: () => number;
  readonly timers: Set<Timer>;
  readonly log: (line: string) => void;
}

function createHost(name: string, offsetMs: number, { now, timers, log }: Surroundings): Host {
  let offset = offsetMs;
  let state: ReturnType<Host['state']> = 'running';
  let frozenAt = 0;
  let suspendedMs = 0;
  const arrived: (() => void)[] = [];
  const born = now();

  const monotonic = (): number => (state === 'suspended' ? frozenAt : now()) - born - suspendedMs;

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
    const work = [fireDue, takeArrivals];
    for (const todo of first === 'timers' ? work : work.reverse()) {
      todo();
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
