// The commands that other processes send to the simulator. Called by server.ts and simulator.ts.
import type { Fault } from './faults.ts';
import type { FegoraSettings } from './settings.ts';

/** A command to the simulator: the JSON body of `POST /_control`. */
export interface Command {
  readonly settings?: Partial<FegoraSettings>;
  /** Username to password. */
  readonly accounts?: Readonly<Record<string, string>>;
  readonly clearFaults?: boolean;
  readonly faults?: readonly Fault[];
  readonly changeKey?: boolean;
  /** Username: logs this user in from somewhere else. */
  readonly logInElsewhere?: string;
  readonly brick?: string;
  readonly unbrick?: string;
  readonly resetCounters?: boolean;
}

/** The functions that change the simulator. */
export interface Controls {
  readonly set: (settings: Partial<FegoraSettings>) => void;
  readonly setPassword: (username: string, password: string) => void;
  readonly clearFaults: () => void;
  readonly addFault: (fault: Fault) => void;
  readonly changeKey: () => void;
  readonly logInElsewhere: (username: string) => void;
  readonly brick: (username: string) => void;
  readonly unbrick: (username: string) => void;
  readonly resetCounters: () => void;
}

const members = [
  'settings',
  'accounts',
  'clearFaults',
  'faults',
  'changeKey',
  'logInElsewhere',
  'brick',
  'unbrick',
  'resetCounters',
];

/** Parses a command. @throws TypeError if the body is not a JSON object or has an unknown member */
export function parseCommand(body: string): Command {
  const command: unknown = JSON.parse(body);
  assertCommand(command);
  return command;
}

/** Checks the names only, not the values: only our own tests and the local run send commands, on loopback. */
function assertCommand(value: unknown): asserts value is Command {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('the command must be a JSON object');
  }
  const unknown = Object.keys(value).filter((name) => !members.includes(name));
  if (unknown.length > 0) {
    throw new TypeError(`the command has unknown members: ${unknown.join(', ')}`);
  }
}

/** Runs a command: settings and accounts first, then faults, then the rest in the order of `Command`. */
export function applyCommand(command: Command, controls: Controls): void {
  controls.set(command.settings ?? {});
  for (const [username, password] of Object.entries(command.accounts ?? {})) {
    controls.setPassword(username, password);
  }
  if (command.clearFaults === true) {
    controls.clearFaults();
  }
  for (const fault of command.faults ?? []) {
    controls.addFault(fault);
  }
  if (command.changeKey === true) {
    controls.changeKey();
  }
  if (command.logInElsewhere !== undefined) {
    controls.logInElsewhere(command.logInElsewhere);
  }
  if (command.brick !== undefined) {
    controls.brick(command.brick);
  }
  if (command.unbrick !== undefined) {
    controls.unbrick(command.unbrick);
  }
  if (command.resetCounters === true) {
    controls.resetCounters();
  }
}
