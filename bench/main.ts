import { parseArgs } from 'node:util';
import { raceCold } from './cold.ts';
import { prepare } from './contestants.ts';
import { median, percentile } from './statistics.ts';
import { raceWarm } from './warm.ts';
import { startWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '15' },
    only: { type: 'string' },
    also: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
});
const world = await startWorld();
try {
  const field = await prepare(world, values.also);
  if (values.only === 'warm') {
    const warm = await raceWarm(field, Number(values.runs));
    const f = median(warm[0]?.ms ?? []);
    console.table(warm.map(({ name, ms, memory }) => ({ name, p50: median(ms).toFixed(3), over: (median(ms) - f).toFixed(3), p90: percentile(ms, 90).toFixed(3), p99: percentile(ms, 99).toFixed(3), mem: Math.round(memory / 1e6) })));
    await world.close();
    process.exit();
  }
  const times = await raceCold(field, world, Number(values.runs));
  const floor = median(times[0]?.ms ?? []);
  console.table(
    times.map(({ name, ms, initMs, cpuMs }) => ({
      name,
      cpu: Math.round(median(cpuMs) - median(times[0]?.cpuMs ?? [])),
      best: Math.round(Math.min(...ms) - Math.min(...(times[0]?.ms ?? []))),
      init: Math.round(median(initMs)),
      total: Math.round(median(ms)),
      over: Math.round((median(ms) - floor) * 10) / 10,
      p99: Math.round(percentile(ms, 99)),
    })),
  );
} finally {
  await world.close();
}
