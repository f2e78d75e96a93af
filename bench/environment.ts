// Runs a bundle in a process, under AWS's runtime client and a Runtime API. Called by all cases that make calls.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen } from '../local/loopback.ts';
import type { Contestant } from './contestants.ts';

/** One measured call. */
export interface Measured {
  /** To the answer: from the spawn for the first call, else from the moment the event was handed over. Milliseconds. */
  readonly ms: number;
  /** The members of the body of the HTTP answer. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly status: number;
}

/** A process that runs a bundle as in Lambda. */
export interface Environment {
  readonly pid: number | undefined;
  /** Resolves at the end of the init: the process has asked for its first event. */
  readonly ready: Promise<unknown>;
  /** Makes one call. Only one at a time. `shiftMs` moves the clocks of the process ahead. */
  readonly call: (event: object, shiftMs?: number) => Promise<Measured>;
  /** From the spawn to the first request for an event. Milliseconds. */
  readonly initMs: () => number;
  /** CPU time of all threads so far. Other load on the machine does not change it. Milliseconds. */
  readonly cpuMs: () => Promise<number>;
  /** Resident memory: now, and the maximum so far. Bytes. */
  readonly memory: () => Promise<{ readonly now: number; readonly most: number }>;
  readonly stop: () => Promise<void>;
}

/** The same contestant in a process whose clocks can be moved ahead. */
export function shifting(contestant: Contestant): Contestant {
  return { ...contestant, env: { ...contestant.env, BENCH_SHIFTS_CLOCKS: '1' } };
}

/** The answer to the runtime client when it asks for an event. */
interface Job {
  readonly event: string;
  readonly shiftMs: number | undefined;
  readonly arn: string;
}

/** What the runtime client sent, and when, by `performance.now`. */
interface Answer {
  readonly at: number;
  readonly isError: boolean;
  readonly text: string;
}

const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:bench';
const timeoutMs = 25_000;

/** Starts AWS's runtime client with the contestant's bundle, and a Runtime API for this process only. */
export async function startEnvironment(
  { folder, env, alias = 'http' }: Contestant,
  runtime: string,
): Promise<Environment> {
  let resolveNext: ((response: ServerResponse) => void) | undefined;
  let nextRequest = new Promise<ServerResponse>((resolve) => {
    resolveNext = resolve;
  });
  let resolveAnswer: ((answer: Answer) => void) | undefined;
  let firstAskedAt = Number.NaN;
  const server = await listen(createServer((request, response) => void serve(request, response)));
  let calls = 0;

  const startedAt = performance.now();
  const process = spawnRuntime(runtime, folder, { ...env, AWS_LAMBDA_RUNTIME_API: server.url.replace('http://', '') });

  return {
    pid: process.pid,
    ready: nextRequest,
    call: async (event, shiftMs) => {
      const result = new Promise<Answer>((resolve) => {
        resolveAnswer = resolve;
      });
      const response = await nextRequest;
      nextRequest = new Promise((resolve) => {
        resolveNext = resolve;
      });
      calls += 1;
      const from = calls === 1 ? startedAt : performance.now();
      hand(response, { event: JSON.stringify(event), shiftMs, arn: `${functionArn}:${alias}` }, calls);
      const { at, isError, text: answer } = await result;
      return { ms: at - from, ...read(isError, answer) };
    },
    initMs: () => firstAskedAt - startedAt,
    cpuMs: () => cpuMsOf(process),
    memory: () => memoryOf(process),
    stop: async () => {
      process.kill('SIGKILL');
      if (process.exitCode === null && process.signalCode === null) {
        await once(process, 'exit');
      }
      await server.close();
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      firstAskedAt = Number.isNaN(firstAskedAt) ? performance.now() : firstAskedAt;
      resolveNext?.(response);
      return;
    }
    const body = await text(request);
    const at = performance.now();
    response.writeHead(202, { 'Content-Length': 0 }).end();
    resolveAnswer?.({ at, isError: request.url?.endsWith('/error') ?? true, text: body });
  }
}

function hand(response: ServerResponse, { event, shiftMs, arn }: Job, call: number): void {
  response
    .writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(event),
      'Lambda-Runtime-Aws-Request-Id': `00000000-0000-4000-8000-${String(call).padStart(12, '0')}`,
      'Lambda-Runtime-Deadline-Ms': Date.now() + (shiftMs ?? 0) + timeoutMs,
      'Lambda-Runtime-Invoked-Function-Arn': arn,
      'Lambda-Runtime-Trace-Id': 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0',
      ...(shiftMs !== undefined && { 'Bench-Clock-Shift-Ms': shiftMs }),
    })
    .end(event);
}

function read(isError: boolean, answer: string): Pick<Measured, 'body' | 'status'> {
  const { statusCode = 0, status = statusCode, body = '{}' } = isError ? {} : Object(JSON.parse(answer));
  const parsed = typeof body === 'string' ? JSON.parse(body) : body;
  return { status: Number(status), body: isError ? { error: answer } : Object(parsed) };
}

function spawnRuntime(runtime: string, folder: string, env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(process.execPath, [runtime], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      _HANDLER: 'index.handler',
      LAMBDA_TASK_ROOT: folder,
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
      AWS_SESSION_TOKEN: 'not-a-real-session',
      AWS_LAMBDA_FUNCTION_NAME: 'bench',
      AWS_LAMBDA_FUNCTION_VERSION: '1',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/bench',
      AWS_LAMBDA_LOG_STREAM_NAME: 'bench',
      ...env,
    },
  });
  // The output is read and dropped: a full pipe would block the function.
  child.stdout?.resume();
  return child;
}

/** @see https://docs.kernel.org/scheduler/sched-stats.html (first number of schedstat: nanoseconds) */
async function cpuMsOf({ pid }: ChildProcess): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')));
  return times.reduce((sum, time) => sum + Number(time.split(' ')[0]) / 1e6, 0);
}

async function memoryOf({ pid }: ChildProcess): Promise<{ readonly now: number; readonly most: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), most: bytes('VmHWM') };
}
