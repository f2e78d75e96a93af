// Follows the runbooks of docs/operations.md: breaks one thing of a broker on loopback, looks where they say and does what they say.
import { createServer } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listen } from '../../../local/loopback.ts';
import { answer } from '../../support/alarms/fegora-troubles.ts';
import { type Scene, startScene } from '../../support/alarms/scene.ts';
import { damage, troubles } from '../../support/alarms/troubles.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { type CommandLine, createCommandLine } from '../../support/cli/command.ts';
import { passwordOf, secretOf } from '../../support/test-system.ts';

let commands: CommandLine;
beforeAll(async () => {
  commands = await createCommandLine();
});
afterAll(() => commands.close());

describe('promise 80: where a runbook says to look, there is the answer', () => {
  test.each(troubles)(
    '$runbook, when $what',
    async ({ runbook, env, fegoraAheadMs, breakIt, row, prints = '', named }) => {
      const scene = await startScene(commands, env, fegoraAheadMs);
      await breakIt(scene);
      const look = await scene.look(runbook);
      expect(look.rows).toContainEqual(expect.objectContaining(row));
      expect(look.printed).toContain(prints);
      expect([...new Set(look.named)]).toEqual(named === undefined ? [] : [named]);
    },
  );

  test('SecuritySigns, when the certificate of Fegora is not trusted', async () => {
    const server = await listen(createServer(await makeCertificate(), (_, response) => response.end()));
    const scene = await startScene(commands, { FEGORA_TOKEN_URL: server.url.replace('http:', 'https:') });
    await scene.call();
    const { rows, named } = await scene.look('SecuritySigns');
    await server.close();
    expect(rows).toContainEqual(expect.objectContaining({ code: 'upstream_tls', account: 'main' }));
    expect(named).toEqual(['securitysigns']);
  });
});

describe('promise 80: what a runbook says to do ends the trouble', () => {
  const served = expect.objectContaining({ access_token: expect.any(String) });

  test.each([
    [
      'CredentialsRejected',
      (scene: Scene) => scene.servers.fegora.setPassword('user-main', 'not-a-real-password-2'),
      (scene: Scene) => scene.servers.fegora.setPassword('user-main', passwordOf('main')),
    ],
    [
      'ClientRejected',
      (scene: Scene) => scene.servers.fegora.set({ clientId: 'another' }),
      (scene: Scene) => scene.servers.fegora.set({ clientId: 'apiApp' }),
    ],
    [
      'LoginsFail',
      (scene: Scene) => scene.servers.fegora.addFault(answer(503)),
      (scene: Scene) => scene.servers.fegora.clearFaults(),
    ],
  ])('%s: clear-rejection, when the cause is corrected', async (runbook, breakIt, correct) => {
    const scene = await startScene(commands);
    breakIt(scene);
    await scene.call();
    correct(scene);
    expect(await scene.call()).toHaveProperty('error');
    expect(await scene.follow(runbook, 'clear-rejection')).toMatchObject({ code: 0 });
    expect(await scene.call()).toEqual(served);
  });

  test('PausedLong: resume', async () => {
    const scene = await startScene(commands);
    await scene.run(['pause', 'main']);
    expect(await scene.call()).toMatchObject({ error: 'paused' });
    expect(await scene.follow('PausedLong', 'resume')).toMatchObject({ code: 0 });
    expect(await scene.call()).toEqual(served);
  });

  test.each(['CredentialsRejected', 'OperatorFaults'])('%s: credentials set', async (runbook) => {
    const scene = await startScene(commands);
    scene.servers.secrets.put(
      'fegora/main',
      runbook === 'OperatorFaults' ? '{"user":"x"}' : secretOf('main', 'not-a-real-password-2'),
    );
    await scene.call();
    // The question whether to store another password comes first, if one was refused.
    const typed = [...(runbook === 'OperatorFaults' ? [] : ['y']), 'user-main', passwordOf('main'), 'y'];
    expect(await scene.follow(runbook, 'credentials set', typed)).toMatchObject({ code: 0 });
    expect(await scene.call()).toEqual(served);
  });

  test('An item that the broker cannot use: reset', async () => {
    const scene = await startScene(commands);
    await damage(scene);
    expect(await scene.follow('An item that the broker cannot use', 'reset')).toMatchObject({ code: 0 });
    expect((await scene.run(['status', 'main'])).out.join()).not.toContain('fault');
  });
});
