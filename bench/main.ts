import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { raceCold, raceSlowed } from './cold.ts';
import { type Field, prepare } from './contestants.ts';
import { countFleets } from './fleet.ts';
import { load } from './load.ts';
import { chart } from './report/chart.ts';
import { report } from './report/report.ts';
import { type Measurements, summarize } from './report/results.ts';
import { type Servers, startServers } from './servers.ts';
import { sizesOf } from './size.ts';
import { raceWarm } from './warm.ts';
import { watchWindow } from './window.ts';

const usage = `Measures the bundle against its peers, all as processes under AWS's runtime client.

  npm run bench -- [options]

  --runs <n>       rounds of cold and of warm calls (15)
  --only <cases>   of cold, slowed, warm, window, fleet, size, load; with commas between them
  --also <folder>  another build of the function, to compare (may be given again)
  --json           print JSON
  --chart <file>   draw the cold starts as an SVG
  --help           print this
`;

type Case = keyof Measurements;

/** In the order of their running. */
const cases: Readonly<Record<Case, (field: Field, servers: Servers, rounds: number) => Promise<Measurements>>> = {
  size: async (field) => ({ size: sizesOf(field) }),
  cold: async (field, servers, rounds) => ({ cold: await raceCold(field, servers, { rounds }) }),
  slowed: async (field, servers, rounds) => {
    const slowed = await raceSlowed(field, servers, rounds);
    return slowed === undefined ? leftOut('slowed', 'no control group can be made here') : { slowed };
  },
  warm: async (field, _, rounds) => ({ warm: await raceWarm(field, rounds) }),
  window: async (field, servers) => ({ window: await watchWindow(field, servers) }),
  fleet: async (field, servers) => ({ fleet: await countFleets(field, servers) }),
  load: async () => ({ load: await load() }),
};

function leftOut(name: Case, why: string): Measurements {
  process.stderr.write(`${name}: left out, ${why}\n`);
  return {};
}

async function measure(chosen: ReadonlySet<string>, rounds: number, others: readonly string[]): Promise<Measurements> {
  const servers = await startServers();
  try {
    const field = await prepare(servers, others);
    let measured: Measurements = {};
    for (const [name, run] of Object.entries(cases)) {
      if (chosen.has(name)) {
        process.stderr.write(`${name} …\n`);
        measured = { ...measured, ...(await run(field, servers, rounds)) };
      }
    }
    return measured;
  } finally {
    await servers.close();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '15' },
      only: { type: 'string', default: Object.keys(cases).join() },
      also: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      chart: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const results = summarize(await measure(new Set(values.only.split(',')), Number(values.runs), values.also));
  process.stdout.write(`${values.json ? JSON.stringify(results, undefined, 2) : report(results)}\n`);
  if (values.chart !== undefined && results.cold !== undefined) {
    await writeFile(values.chart, chart(results.cold));
  }
}

await main();
