/**
 * Telling processes apart. A pid alone is given to a stranger sooner or later; a pid with its start time is not.
 * Linux tells both in /proc; elsewhere (macOS) `ps` does.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessId {
  readonly pid: number;
  /** Opaque: clock ticks since boot on Linux, a date elsewhere. */
  readonly startTime: string;
}

/** The identity of a process that runs, or null for one that does not. A zombie has ended. */
export function identify(pid: number): ProcessId | null {
  const startTime = process.platform === 'linux' ? startTimeInProc(pid) : startTimeByPs(pid);
  return startTime === null ? null : { pid, startTime };
}

export function isRunning(id: ProcessId): boolean {
  return identify(id.pid)?.startTime === id.startTime;
}

/** Sends a signal unless the process has ended. */
export function signal(id: ProcessId, name: NodeJS.Signals): void {
  if (!isRunning(id)) return;
  try {
    process.kill(id.pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** The processes whose command line contains a text: for a node that was started and not yet put on record. */
export function findByCommandLine(text: string): ProcessId[] {
  const pids = process.platform === 'linux' ? pidsInProc(text) : pidsByPs(text);
  return pids
    .filter((pid) => pid !== process.pid)
    .map(identify)
    .filter((id) => id !== null);
}

/** Field 22 of /proc/<pid>/stat. The name in field 2 may hold spaces and parentheses, so fields are counted after the last one. */
function startTimeInProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    return state === 'Z' || state === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function startTimeByPs(pid: number): string | null {
  try {
    const [state = '', ...started] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
    })
      .trim()
      .split(/\s+/);
    return state === '' || state.startsWith('Z') ? null : started.join(' ');
  } catch {
    return null;
  }
}

function pidsInProc(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function pidsByPs(text: string): number[] {
  return execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 })
    .split('\n')
    .filter((line) => line.includes(text))
    .map((line) => Number.parseInt(line, 10));
}
