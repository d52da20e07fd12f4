import { createHash, randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { hostname } from 'node:os';

/** Whether the process that a lock names still runs, as far as can be told from here. */
export type Liveness = 'alive' | 'gone' | 'unknown';

/**
 * Names this process in a lock, so that others on this machine can tell whether it still runs:
 * `MACHINE.PID.START.NONCE`. Each call makes another name.
 */
export function nameOwner(): string {
  const start = processStart(process.pid) ?? '';
  return [machine(), process.pid, start, randomUUID()].join('.');
}

/**
 * Whether the process of a name made by {@link nameOwner} still runs. A process of another
 * machine, or of another container's process table, can't be asked after.
 */
export function livenessOf(owner: string): Liveness {
  const [where, id = '', start] = owner.split('.');
  const pid = Number(id);
  if (where !== machine() || !Number.isSafeInteger(pid) || pid <= 0) return 'unknown';
  // The number alone would do until another process gets it.
  if (start !== '') return processStart(pid) === start ? 'alive' : 'gone';
  return isRunning(pid) ? 'unknown' : 'gone';
}

/** The number of the process that a name made by {@link nameOwner} is of. */
export function processOf(owner: string): string | undefined {
  return owner.split('.')[1];
}

let known: string | undefined;

/** Tells apart what has a process table of its own: a machine since its boot, or a container. */
function machine(): string {
  known ??= createHash('sha256').update(processTable()).digest('hex').slice(0, 16);
  return known;
}

function processTable(): string {
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot} ${fs.readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return `${process.platform} ${hostname()}`;
  }
}

/** When a process began, in the kernel's own count; `undefined` when it is gone or a zombie. */
function processStart(pid: number): string | undefined {
  let stat: string;
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the program's name, which may hold anything (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
