// Types at a new terminal, as a person does. Used by the tests of the command line and of the pages.
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

/** A Python script that runs a command at a new terminal, types the answer to each question, and prints what was shown. */
const typingScript = `
import json, os, pty, sys
command, answers = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown = b''
while True:
    try:
        piece = os.read(terminal, 1024)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if answers and answers[0][0].encode() in shown:
        os.write(terminal, answers.pop(0)[1].encode('latin-1'))
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({'shown': shown.decode(), 'code': status}))
`;

/** Whether this machine has what `typeTo` needs. */
export const canType = spawnSync('python3', ['-c', 'import pty']).status === 0;

/** A question, and what is typed once it is shown. */
export type TypedAnswer = readonly [question: string, typed: string];

/** What the terminal has shown, and the exit code. */
export interface Typed {
  readonly shown: string;
  readonly code: number;
}

/** Runs a command at a new terminal. `command` begins with the program. */
export async function typeTo(
  command: readonly string[],
  answers: readonly TypedAnswer[],
  { env, cwd }: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
): Promise<Typed> {
  const args = ['-c', typingScript, JSON.stringify(command), JSON.stringify(answers)];
  const { stdout } = await promisify(execFile)('python3', args, { env: { TERM: 'xterm', ...env }, cwd });
  return JSON.parse(stdout);
}
