/**
 * The programs that the suite starts: tclsh, and a folder with valkey-server, valkey-cli and valkey-benchmark in it.
 * valkey-server is a launcher of our node, or the real server; the tools are built from the suite's own source, once.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onPath, provideBenchmark, provideCli, provideValkeyServer } from '../../tools/valkey.ts';
import { compatFolder, SUITE_VERSION } from './source.ts';

type Say = (line: string) => void;

const START_TIMEOUT_MS = 30_000;
const STDERR_CHARACTERS = 2000;
const BUILD_TIMEOUT_MS = 600_000;
const root = join(import.meta.dirname, '..', '..');

/** What stands behind the name valkey-server. */
export type Server = 'keyherd' | 'valkey';

export function provideTclsh(say: Say): string | null {
  const found = () => onPath('tclsh8.6') ?? onPath('tclsh9.0') ?? onPath('tclsh');
  const path = found();
  if (path !== null) return path;
  if (process.getuid?.() === 0 && onPath('apt-get') !== null) {
    say("installing Debian's tcl");
    const install = () => spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'tcl']).status === 0;
    if (!install()) {
      spawnSync('apt-get', ['update', '-q']);
      install();
    }
  }
  const installed = found();
  if (installed === null) say('no tclsh: the suite is written in Tcl 8.5 or newer; install tcl');
  return installed;
}

/** Fills `folder` with the programs by the names the suite knows; false after one line that says what is missing. */
export function layPrograms(folder: string, server: Server, source: string, say: Say): boolean {
  const tools = provideTools(source, say);
  if (tools === null) return false;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, path] of Object.entries(tools)) symlinkSync(path, join(folder, name));
  const launcher = join(folder, 'valkey-server');
  if (server === 'valkey') {
    const real = provideValkeyServer();
    if (real === null) return false;
    symlinkSync(real.path, launcher);
    return true;
  }
  // A copy: what is edited during the run is for the next one.
  const copy = join(folder, 'keyherd');
  for (const part of ['server', 'package.json']) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  // exec keeps the process id, which the suite waits for in the log; the compile cache makes the start as quick as a native one's.
  const words = [process.execPath, join(copy, 'server', 'main.ts')].map(quote).join(' ');
  const cache = quote(join(folder, 'compiled'));
  writeFileSync(launcher, `#!/bin/sh\nNODE_COMPILE_CACHE=${cache} exec ${words} "$@"\n`);
  chmodSync(launcher, 0o755);
  const version = spawnSync(launcher, ['--version'], { encoding: 'utf8', timeout: START_TIMEOUT_MS });
  if (version.status === 0) return true;
  say(`our node does not start: ${version.error?.message ?? version.stderr.trim().slice(0, STDERR_CHARACTERS)}`);
  return false;
}

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** valkey-cli and valkey-benchmark: built where a C compiler is at hand, else what the machine has under their names or redis-*. */
function provideTools(source: string, say: Say): Readonly<Record<string, string>> | null {
  const folder = join(compatFolder, `tools-${SUITE_VERSION}`);
  const names = ['valkey-cli', 'valkey-benchmark'];
  const built = () => names.every((name) => existsSync(join(folder, name)));
  if (!built() && onPath('cc') !== null && onPath('make') !== null) {
    say('building valkey-cli and valkey-benchmark from the source (once, about a minute)');
    const problem = build(source, folder, names);
    if (problem !== null) say(`the tools could not be built (${problem}): taking what is installed`);
  }
  if (built()) return Object.fromEntries(names.map((name) => [name, join(folder, name)]));
  const cli = provideCli();
  const benchmark = provideBenchmark();
  if (cli === null || benchmark === null) return null;
  return { 'valkey-cli': cli.path, 'valkey-benchmark': benchmark.path };
}

/** Builds in a copy: the source may be the user's own. */
function build(source: string, folder: string, names: readonly string[]): string | null {
  const work = `${folder}.partial`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(source, work, { recursive: true });
  const options = ['MALLOC=libc', 'BUILD_TLS=no', 'USE_SYSTEMD=no', '-j2'];
  const made = spawnSync('make', ['-C', join(work, 'src'), ...names, ...options], {
    encoding: 'utf8',
    timeout: BUILD_TIMEOUT_MS,
  });
  if (made.status !== 0) return made.error?.message ?? made.stderr.trim().split('\n').at(-1) ?? 'make failed';
  for (const name of names) copyFileSync(join(work, 'src', name), join(folder, name));
  rmSync(work, { recursive: true, force: true });
  return null;
}
