/**
 * One file of the suite as one invocation of it, in a folder of its own with copies of the tests and the programs' folder beside it.
 * The suite starts its servers itself; whatever is left of them ends with the invocation, which leads a process group.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSuiteOutput, type SuiteOutput } from './suite-output.ts';

/** A test that says nothing for so long is stuck; the suite then ends itself and says which it was. */
const STUCK_SECONDS = 90;
/** The suite wants a distance for cluster bus ports, and each worker its own stretch. */
export const PORTS_PER_WORKER = 900;
/** The port of the suite's own controller lies this far below the first port of the servers. */
const CONTROLLER_PORTS = 32;

export interface Invocation {
  /** As the suite names it: `unit/type/list`. */
  readonly file: string;
  readonly tclsh: string;
  readonly source: string;
  readonly programs: string;
  /** Made for the run, and removed after it unless kept. */
  readonly workspace: string;
  readonly keepWorkspace: boolean;
  readonly firstPort: number;
  readonly limitSeconds: number;
  /** Names of tests that are not to be run, as the suite takes them: a name, or `/` and a regular expression. */
  readonly skip: readonly string[];
}

export interface FileRun extends SuiteOutput {
  readonly seconds: number;
}

/** Invocations under way: ended when the program ends. */
const underWay = new Set<number>();
process.once('exit', () => {
  for (const group of underWay) endGroup(group);
});

export async function runFile(invocation: Invocation): Promise<FileRun> {
  const { workspace, source, file } = invocation;
  rmSync(workspace, { recursive: true, force: true });
  mkdirSync(workspace, { recursive: true });
  // Copied, not linked: the suite compares real paths, and writes below tests/tmp.
  for (const part of ['tests', 'utils']) cpSync(join(source, part), join(workspace, part), { recursive: true });
  mkdirSync(join(workspace, 'tests', 'tmp'), { recursive: true });
  const startMs = performance.now();
  const { text, problem } = await invoke(invocation);
  writeFileSync(join(workspace, 'output'), text);
  const output = readSuiteOutput(text);
  if (!invocation.keepWorkspace) rmSync(workspace, { recursive: true, force: true });
  return {
    tests: output.tests,
    finished: output.finished && problem === null,
    accidents: problem === null ? output.accidents : [...output.accidents, `${file}: ${problem}`],
    seconds: Math.round((performance.now() - startMs) / 1000),
  };
}

function invoke(invocation: Invocation): Promise<{ readonly text: string; readonly problem: string | null }> {
  const { tclsh, file, firstPort, limitSeconds, skip } = invocation;
  const args = [
    'tests/test_helper.tcl',
    '--single',
    file,
    '--clients',
    '1',
    '--durable',
    '--skip-leaks',
    '--dont-clean',
  ];
  args.push('--timeout', String(STUCK_SECONDS), '--baseport', String(firstPort + CONTROLLER_PORTS));
  args.push(
    '--portcount',
    String(PORTS_PER_WORKER - CONTROLLER_PORTS),
    ...skip.flatMap((name) => ['--skiptest', name]),
  );
  const child = spawn(tclsh, args, {
    cwd: invocation.workspace,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, VALKEY_BIN_DIR: invocation.programs, TERM: 'dumb' },
  });
  const group = child.pid;
  if (group !== undefined) underWay.add(group);
  return new Promise((resolve) => {
    let text = '';
    let problem: string | null = null;
    const take = (chunk: string): void => {
      text += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const limit = setTimeout(() => {
      problem = `not done within ${limitSeconds} s`;
      if (group !== undefined) endGroup(group);
    }, limitSeconds * 1000);
    child.on('error', (error) => {
      problem = error.message;
    });
    // Servers that were left behind hold the pipes open: the end of the suite itself counts, not theirs.
    child.on('exit', () => {
      if (group !== undefined) endGroup(group);
    });
    child.on('close', () => {
      clearTimeout(limit);
      if (group !== undefined) underWay.delete(group);
      resolve({ text, problem });
    });
  });
}

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}
