import { createLogin } from '../../../lambda/fegora/password-grant.ts';

/**
 * Runs as a process of its own, so that nothing but the login moves its memory: logs in at a friendly server until the
 * peak has settled, then at another one, and prints how that ended and by how much the peak grew. KiB.
 */
const [friendlyUrl = '', otherUrl = ''] = process.argv.slice(2);
const credentials = { username: '1', password: 'not-a-real-password', clientId: 'apiApp', versionId: 'v1' };

async function logIn(tokenUrl: string): Promise<string> {
  const login = createLogin({ tokenUrl, now: Date.now });
  const outcome = await login(credentials, { signal: AbortSignal.timeout(8000), beforeFirstByte: () => {} });
  return outcome.kind === 'issued' ? 'issued' : `${outcome.error.code} ${outcome.error.message}`;
}

for (let friendly = 0; friendly < 30; friendly += 1) {
  await logIn(friendlyUrl);
}
const before = process.resourceUsage().maxRSS;
const ends = [await logIn(otherUrl), await logIn(otherUrl), await logIn(otherUrl)];
console.log(JSON.stringify({ ends, grownKiB: process.resourceUsage().maxRSS - before }));
