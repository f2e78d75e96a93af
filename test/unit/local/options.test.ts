import { describe, expect, test } from 'vitest';
import { defaultPort, readOptions, usage } from '../../../local/options.ts';

describe('the options of npm start', () => {
  test('the port is the default one, or another if that is in use, when the command line names none', () => {
    expect(readOptions([])).toMatchObject({ port: defaultPort, orAnyFree: true });
    expect(readOptions(['--once'])).toMatchObject({ port: 0 });
    expect(readOptions(['--port', '8080'])).toMatchObject({ port: 8080, orAnyFree: false });
    expect(readOptions(['--port', '0'])).toMatchObject({ port: 0 });
  });

  test.each(['-1', '65536', '80a', ''])('--port refuses «%s»', (port) => {
    expect(() => readOptions([`--port=${port}`])).toThrow('--port takes a number from 0 to 65535.');
  });

  test('--listen takes one IPv4 address', () => {
    expect(readOptions(['--listen', '172.17.0.1'])).toMatchObject({ address: '172.17.0.1' });
    expect(readOptions([])).toMatchObject({ address: undefined });
  });

  test.each(['0.0.0.0', '::', 'docker0', '172.17.0.1:4780', '*', ''])('--listen refuses «%s»', (address) => {
    expect(() => readOptions([`--listen=${address}`])).toThrow('--listen takes one IPv4 address');
  });

  test('the help names every option', () => {
    expect(readOptions(['--help', '--once'])).toBe('help');
    for (const name of [
      'once',
      'watch',
      'port',
      'listen',
      'write-env',
      'show-token',
      'quiet',
      'verbose',
      'only-broker',
    ]) {
      expect(usage).toContain(`\n  --${name} `);
    }
  });
});
