import { describe, expect, test } from 'vitest';
import { defaultPort, readOptions, refuseKeptByNpm, usage } from '../../../local/options.ts';

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

  test.each([
    [{ npm_config_port: '8' }, [], '--port 8'],
    [{ npm_config_port: 'true' }, ['8'], '--port 8'],
    [{ npm_config_port: 'true' }, [], '--port <value>'],
    [{ npm_config_port: 'true', npm_config_listen: 'true' }, ['8', '127.0.0.1'], '--port <value> --listen <value>'],
    [
      { npm_config_once: 'true', npm_config_write_env: 'true' },
      ['my folder/a.env'],
      "--once --write-env 'my folder/a.env'",
    ],
  ])('what npm kept of %o and passed on as %j is written again with its value', (env, args, options) => {
    expect(() => refuseKeptByNpm(env, args)).toThrow(
      `Write: npm start -- ${options}. In PowerShell: npm start '--' ${options}.`,
    );
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
