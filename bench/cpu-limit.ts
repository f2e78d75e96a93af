// Limits the CPU of a process with a control group. Called by cold.ts.
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A limit on the CPU of processes. */
export interface CpuLimit {
  /** Limits a process from now until it ends. */
  readonly applyTo: (pid: number | undefined) => void;
  /** Removes the control group. Call it when the processes have ended. */
  readonly close: () => void;
}

/** Lambda gives a call one core for each 1,769 MB, so this is the share of the stack's 512 MB. Cores. */
const share = 512 / 1769;
/** The period in which the share is counted: the shortest one that still works for a share. Microseconds. */
const periodUs = 20_000;

/**
 * Creates a control group with the share of a core that a call has on Lambda (an init has a whole core). Undefined if
 * this machine or this user cannot create one.
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
    // The group exists, but has no limit to set: the controller of the scheduler is missing here.
    if (existsSync(group)) {
      rmdirSync(group);
    }
    return undefined;
  }
  return {
    applyTo: (pid) => writeFileSync(join(group, 'cgroup.procs'), String(pid)),
    close: () => rmdirSync(group),
  };
}
