// Tests which port a server of the local run gets (local/loopback.ts).
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const limitFile = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
/** Whether the system refuses port 1 to users without rights. Containers may allow every port to everyone. */
const isRefused = process.getuid !== undefined && (!existsSync(limitFile) || Number(readFileSync(limitFile)) > 1);

/** Listens on port 1, as a user without rights: a process of root gives its rights up. */
const script = `
import { createServer } from 'node:http';
const { listen } = await import(${JSON.stringify(new URL('../../../local/loopback.ts', import.meta.url).href)});
if (process.getuid() === 0) {
  process.setgid(65534);
  process.setuid(65534);
}
const refused = await listen(createServer(), 1).catch(({ code }) => code);
const { url, close } = await listen(createServer(), 1, { orAnyFree: true });
await close();
console.log(JSON.stringify({ refused, port: Number(new URL(url).port) }));
`;

test.skipIf(!isRefused)('listen takes another port for one that the system refuses, only if it may', async () => {
  const args = ['--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { refused, port } = JSON.parse(stdout);

  expect(refused).toBe('EACCES');
  expect(port).toBeGreaterThan(1);
});
