// Tests what a terminal is set to when a command goes on after Ctrl-Z. All else, at a real terminal: test/scenario/cli/terminal.test.ts.
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test, vi } from 'vitest';
import { typedInput } from '../../../../cli/credentials/typed-input.ts';

test('promise 58: after Ctrl-Z and fg, the echo is off before the question for the password is shown again', async () => {
  const done: string[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => done.push(`raw ${isRaw}`),
  });
  const stderr = { write: (text: string) => done.push(text) };
  // Otherwise Ctrl-Z would stop the tests.
  const stop = vi.spyOn(process, 'kill').mockReturnValue(true);
  onTestFinished(() => stop.mockRestore());

  const input = typedInput({ stdin, stderr } as unknown as NodeJS.Process, () => {});
  const line = input.next('Password: ', false);
  stdin.write('not-\u001a');
  await vi.waitFor(() => expect(stop).toHaveBeenCalledWith(process.pid, 'SIGTSTP'));
  done.length = 0;
  process.emit('SIGCONT');
  expect(done.slice(0, 2)).toEqual(['raw true', 'Password: ']);
  stdin.write('a-real-one\r');
  await expect(line).resolves.toBe('not-a-real-one');
  input.close();
});
