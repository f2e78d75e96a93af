import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A bound on what processes compute. */
export interface CpuLimit {
  /** From now on, for the whole of its life. */
  readonly holdDown: (pid: number | undefined) => void;
  /** To be called when the processes have ended. */
  readonly close: () => void;
}

/** Lambda gives a call a core for each 1,769 MB; this is what the stack's 512 MB come to. Cores. */
const share = 512 / 1769;
/** In how small portions: the scheduler's smallest that still leaves room for a share. Microseconds. */
const periodUs = 20_000;

/**
 * A control group with the share of a core that a call has on Lambda; an init has it whole. Nothing where this machine, or
 * its user, may not make one.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max)
 */
export function createCpuLimit(): CpuLimit | undefined {
  const isFirstVersion = existsSync('/sys/fs/cgroup/cpu');
  const group = join(isFirstVersion ? '/sys/fs/cgroup/cpu' : '/sys/fs/cgroup', `bench-${process.pid}`);
  const quotaUs = Math.round(share * periodUs);
  try {
    mkdirSync(group);
    if (isFirstVersion) {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(periodUs));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quotaUs));
    } else {
      writeFileSync(join(group, 'cpu.max'), `${quotaUs} ${periodUs}`);
    }
  } catch {
    // Made, but without a limit to set: the scheduler is not under control here.
    if (existsSync(group)) {
      rmdirSync(group);
    }
    return undefined;
  }
  return {
    holdDown: (pid) => writeFileSync(join(group, 'cgroup.procs'), String(pid)),
    close: () => rmdirSync(group),
  };
}
