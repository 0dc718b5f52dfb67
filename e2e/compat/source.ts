/**
 * Where the suite comes from: the folder that VALKEY_SOURCE names, or the source package `valkey` of Debian, fetched once into the
 * user's cache by apt, with a private list of sources: neither root nor a change of the machine's own sources is needed.
 * Nothing of it is ever committed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The version whose suite is run. */
export const SUITE_VERSION = '9.1.2';
/** The release of Debian that carries it. */
const DEBIAN_SUITE = 'sid';
/** Where Debian's package debian-archive-keyring puts its keys; without it apt takes the keys it trusts anyway. */
const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const FETCH_TIMEOUT_MS = 300_000;

export const compatFolder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'keyherd', 'compat');

/** The unpacked source, or null after one line that says why not. */
export function provideSource(say: (line: string) => void): string | null {
  const named = process.env['VALKEY_SOURCE'];
  if (named) {
    const version = versionOf(named);
    if (version === SUITE_VERSION) return named;
    say(`VALKEY_SOURCE=${named} is not the source of Valkey ${SUITE_VERSION} (${version ?? 'no src/version.h there'})`);
    return null;
  }
  const folder = join(compatFolder, `valkey-${SUITE_VERSION}`);
  if (versionOf(folder) === SUITE_VERSION) return folder;
  const problem = fetchFromDebian(folder, say);
  if (problem === null && versionOf(folder) === SUITE_VERSION) return folder;
  say(
    `no source of Valkey ${SUITE_VERSION}: ${problem ?? 'what was unpacked is of another version'}; ` +
      'unpack its source somewhere and name the folder in VALKEY_SOURCE',
  );
  return null;
}

function versionOf(folder: string): string | null {
  const file = join(folder, 'src', 'version.h');
  if (!existsSync(join(folder, 'tests', 'test_helper.tcl')) || !existsSync(file)) return null;
  return /VALKEY_VERSION "([\d.]+)"/.exec(readFileSync(file, 'utf8'))?.[1] ?? null;
}

/** Null when it worked, else the reason. */
function fetchFromDebian(folder: string, say: (line: string) => void): string | null {
  const archive = debianArchive();
  if ('problem' in archive) return archive.problem;
  say(
    `fetching the source package valkey ${SUITE_VERSION} of Debian ${DEBIAN_SUITE} (once, about 20 MB with its index)`,
  );
  const apt = join(compatFolder, 'apt');
  const partial = `${folder}.partial`;
  for (const needed of [join(apt, 'lists', 'partial'), join(apt, 'cache', 'archives', 'partial')])
    mkdirSync(needed, { recursive: true });
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const sources = join(apt, 'sources.sources');
  const signed = archive.keyring === null ? '' : `Signed-By: ${archive.keyring}\n`;
  writeFileSync(sources, `Types: deb-src\nURIs: ${archive.uri}\nSuites: ${DEBIAN_SUITE}\nComponents: main\n${signed}`);
  const options = [
    ['Dir::Etc::SourceList', sources],
    ['Dir::Etc::SourceParts', '/dev/null'],
    ['Dir::State::Lists', join(apt, 'lists')],
    ['Dir::Cache', join(apt, 'cache')],
    ['APT::Sandbox::User', ''],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const problem =
    run('apt-get', [...options, '-q', 'update'], partial) ??
    run('apt-get', [...options, '-q', '--download-only', 'source', 'valkey'], partial);
  if (problem !== null) return problem;
  const [description] = globSync(join(partial, `valkey_${SUITE_VERSION}-*.dsc`));
  if (description === undefined) return `Debian ${DEBIAN_SUITE} has another version of valkey by now`;
  const unpacked = run('dpkg-source', ['--no-check', '-x', description, join(partial, 'source')], partial);
  if (unpacked !== null) return `${unpacked} (dpkg-source is in Debian's dpkg-dev)`;
  rmSync(folder, { recursive: true, force: true });
  renameSync(join(partial, 'source'), folder);
  rmSync(partial, { recursive: true, force: true });
  return null;
}

/** The mirror of Debian that this machine's apt is set up with, and its keyring. */
function debianArchive(): { readonly uri: string; readonly keyring: string | null } | { readonly problem: string } {
  const format = '$(ORIGIN)|$(LABEL)|$(REPO_URI)';
  const list = () => spawnSync('apt-get', ['indextargets', '--format', format], { encoding: 'utf8' });
  let listed = list();
  if (listed.error !== undefined) return { problem: 'it comes by apt, which is not on this machine' };
  // Without an earlier `apt-get update` apt knows no origins yet; only root may make it.
  if (!listed.stdout.includes('Debian|') && process.getuid?.() === 0) {
    run('apt-get', ['-q', 'update'], '/');
    listed = list();
  }
  for (const line of listed.stdout.split('\n')) {
    const [origin, label, uri] = line.split('|');
    if (origin !== 'Debian' || label !== 'Debian' || uri === undefined) continue;
    return { uri, keyring: existsSync(DEBIAN_KEYRING) ? DEBIAN_KEYRING : null };
  }
  return { problem: "none of this machine's apt sources is Debian's own archive" };
}

function run(command: string, args: readonly string[], cwd: string): string | null {
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: FETCH_TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
  });
  if (result.error !== undefined) return `${command}: ${result.error.message}`;
  if (result.status === 0) return null;
  const said = `${result.stdout}\n${result.stderr}`.trim().split('\n');
  return `${command}: ${said.at(-1) || `exit ${result.status ?? result.signal}`}`;
}
