// cache.ts: where results stay between runs (outside the checkout), the keys they are found by, and the lock that keeps two runs apart.

import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from './limits.ts';
import { Refusal, Shell } from './shell.ts';

const home = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'keyherd', 'cluster');

export const folders = {
  home,
  results: join(home, 'results'),
  logs: join(home, 'logs'),
  /** kubectl, helm, kind and docker as the bring-up chose them: links, made to stand on a PATH. */
  tools: join(home, 'bin'),
  daemon: join(home, 'docker'),
} as const;

export const files = {
  kubeconfig: join(home, 'kubeconfig'),
  lock: join(home, 'lock'),
  /** The way in which the cluster that stands now was made. */
  way: join(home, 'way'),
} as const;

/** A key for what the inputs make: 12 hexadecimal digits, different when any input, or the border between two, differs. */
export function cacheKey(inputs: readonly string[]): string {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(`${Buffer.byteLength(input)}:`).update(input);
  return hash.digest('hex').slice(0, 12);
}

/** The folder of one step's result. It is there when the result is whole. */
export function resultFolder(step: string, key: string): string {
  return join(folders.results, `${step}-${key}`);
}

/** Fills a folder beside the result's and renames it: a run that is cut off leaves no half result. */
export async function makeResult(step: string, key: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const folder = resultFolder(step, key);
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  await fill(partial);
  renameSync(partial, folder);
  for (const name of outdated(step, key, resultsByAge()))
    rmSync(join(folders.results, name), { recursive: true, force: true });
}

/** The results of a step that are older than the newest few; `names` are ordered from new to old. */
export function outdated(step: string, key: string, names: readonly string[]): readonly string[] {
  const isOlder = (name: string) =>
    name.startsWith(`${step}-`) && /^[0-9a-f]{12}$/.test(name.slice(step.length + 1)) && name !== `${step}-${key}`;
  return names.filter(isOlder).slice(limits.olderResultsKept);
}

function resultsByAge(): readonly string[] {
  const withAge = readdirSync(folders.results).map((name) => ({
    name,
    madeMs: statSync(join(folders.results, name)).mtimeMs,
  }));
  return withAge.sort((one, other) => other.madeMs - one.madeMs).map(({ name }) => name);
}

/** Does `work` while no other process of this user does the same. A lock whose holder is gone is taken over. */
export async function withLock<Result>(say: (line: string) => void, work: () => Promise<Result>): Promise<Result> {
  mkdirSync(home, { recursive: true });
  const me = `${process.pid} ${await startOf(process.pid)}`;
  const giveUpAtMs = Date.now() + limits.lockMs;
  for (let told = false; !tryLock(me); await sleep(limits.lockPollMs)) {
    const holder = readHolder();
    const pid = Number.parseInt(holder, 10);
    if (holder !== '' && holder !== `${pid} ${await startOf(pid)}`) {
      if (readHolder() === holder) rmSync(files.lock, { force: true });
      continue;
    }
    if (!told) say(`waiting for process ${pid}, which is at the same work`);
    told = true;
    if (Date.now() > giveUpAtMs)
      throw new Refusal(
        `${files.lock}: process ${pid} has held it for ${limits.lockMs / 60_000} minutes: end it, and run again`,
      );
  }
  const release = () => rmSync(files.lock, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

function tryLock(content: string): boolean {
  try {
    const file = openSync(files.lock, 'wx');
    writeSync(file, content);
    closeSync(file);
    return true;
  } catch (error) {
    if (existsSync(files.lock)) return false;
    throw error;
  }
}

function readHolder(): string {
  try {
    return readFileSync(files.lock, 'utf8');
  } catch {
    return ''; // released in between
  }
}

/** When a process started; empty when there is none. A process id alone may have been given to another since. */
export async function startOf(pid: number): Promise<string> {
  if (!isAlive(pid)) return '';
  return (await new Shell().attempt(['ps', '-o', 'lstart=', '-p', String(pid)])).stdout.trim() || 'unknown';
}

export function isAlive(pid: number): boolean {
  try {
    return Number.isInteger(pid) && process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
