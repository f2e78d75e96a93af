// Logs in and prints the growth of its memory. Started as a process by hostile.test.ts.
import { createLogin } from '../../../lambda/fegora/password-grant.ts';

/**
 * Runs as a separate process, so that only the login changes its memory. It logs in at a friendly server until the peak
 * of memory is stable, then at the other one. It prints the results of these logins, and the growth of the peak in KiB.
 */
const [friendlyUrl = '', otherUrl = ''] = process.argv.slice(2);
const credentials = { username: '1', password: 'not-a-real-password', clientId: 'apiApp', versionId: 'v1' };

async function logIn(tokenUrl: string): Promise<string> {
  const login = createLogin({ tokenUrl, now: Date.now });
  const signal = AbortSignal.timeout(8000);
  const connection = await login(signal);
  const outcome =
    connection.kind === 'failed'
      ? connection
      : await connection.send(credentials, { signal, beforeFirstByte: () => true });
  return outcome.kind !== 'failed' ? outcome.kind : `${outcome.error.code} ${outcome.error.message}`;
}

for (let friendly = 0; friendly < 30; friendly += 1) {
  await logIn(friendlyUrl);
}
const before = process.resourceUsage().maxRSS;
const ends = [await logIn(otherUrl), await logIn(otherUrl), await logIn(otherUrl)];
console.log(JSON.stringify({ ends, grownKiB: process.resourceUsage().maxRSS - before }));
