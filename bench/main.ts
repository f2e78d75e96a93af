// The command `npm run bench`: runs the chosen cases and prints the results.
import { writeFile } from 'node:fs/promises';
import { optionsOf } from '../scripts/arguments.ts';
import { measureCold, measureSlowed } from './cold.ts';
import { type Contestants, prepare } from './contestants.ts';
import { countFleets } from './fleet.ts';
import { load } from './load.ts';
import { chart } from './report/chart.ts';
import { report } from './report/report.ts';
import { type Measurements, summarize } from './report/results.ts';
import { measureRequests } from './requests.ts';
import { type RoundTrips, type Servers, startServers } from './servers.ts';
import { sizesOf } from './size.ts';
import { measureWarm } from './warm.ts';
import { measureWindow } from './window.ts';

const usage = `Measures the bundle and its peers. Each one runs in a process under AWS's runtime client.

  npm run bench -- [options]

  --runs <n>       rounds of cold starts and of warm calls (default: 15)
  --only <cases>   some of cold, slowed, warm, window, fleet, size, requests, load, separated by commas (default: all)
  --also <folder>  the dist/lambda of another version to compare; you may repeat this option
  --round-trip <n> put TLS and a round trip of n milliseconds in front of Fegora (default: 0, no TLS)
  --aws-round-trip <n>  the same for Secrets Manager and DynamoDB
  --json           print JSON
  --chart <file>   write the cold starts to this file as an SVG picture
  --help           print this help
`;

type Case = keyof Measurements;

/** The cases in the order in which they run. */
const cases: Readonly<
  Record<Case, (contestants: Contestants, servers: Servers, rounds: number) => Promise<Measurements>>
> = {
  size: async (contestants) => ({ size: sizesOf(contestants) }),
  cold: async (contestants, servers, rounds) => ({ cold: await measureCold(contestants, servers, { rounds }) }),
  slowed: async (contestants, servers, rounds) => {
    const slowed = await measureSlowed(contestants, servers, rounds);
    return slowed === undefined ? skip('slowed', 'this machine or user cannot create a control group') : { slowed };
  },
  warm: async (contestants, _, rounds) => ({ warm: await measureWarm(contestants, rounds) }),
  window: async (contestants, servers) => ({ window: await measureWindow(contestants, servers) }),
  fleet: async (contestants, servers) => ({ fleet: await countFleets(contestants, servers) }),
  requests: async (contestants, servers, rounds) => ({
    requests: await measureRequests(contestants, servers, rounds),
  }),
  load: async () => ({ load: await load() }),
};

function skip(name: Case, why: string): Measurements {
  process.stderr.write(`${name}: skipped, ${why}\n`);
  return {};
}

/** What is measured. */
interface Plan {
  readonly chosen: ReadonlySet<string>;
  readonly rounds: number;
  readonly others: readonly string[];
  readonly roundTrips: RoundTrips;
}

async function measure({ chosen, rounds, others, roundTrips }: Plan): Promise<Measurements> {
  const servers = await startServers(roundTrips);
  try {
    const contestants = await prepare(servers, others);
    let measured: Measurements = {};
    for (const [name, run] of Object.entries(cases)) {
      if (chosen.has(name)) {
        process.stderr.write(`${name} …\n`);
        measured = { ...measured, ...(await run(contestants, servers, rounds)) };
      }
    }
    return measured;
  } finally {
    await servers.close();
  }
}

async function main(): Promise<void> {
  const values = optionsOf(usage, {
    runs: { type: 'string', default: '15' },
    only: { type: 'string', default: Object.keys(cases).join() },
    also: { type: 'string', multiple: true, default: [] },
    'round-trip': { type: 'string', default: '0' },
    'aws-round-trip': { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
    chart: { type: 'string' },
  });
  const results = summarize(
    await measure({
      chosen: new Set(values.only.split(',')),
      rounds: Number(values.runs),
      others: values.also,
      roundTrips: { fegora: Number(values['round-trip']), aws: Number(values['aws-round-trip']) },
    }),
  );
  process.stdout.write(`${values.json ? JSON.stringify(results, undefined, 2) : report(results)}\n`);
  if (values.chart !== undefined && results.cold !== undefined) {
    await writeFile(values.chart, chart(results.cold));
  }
}

await main();
