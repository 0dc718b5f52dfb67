#!/usr/bin/env node
/**
 * Runs a script of this checkout on Node 26: node tools/run.mjs SCRIPT [ARGUMENT ...]
 *
 * The first thing that runs on a fresh machine, so it needs nothing but Node 20 and npm: it installs the dependencies
 * when they are missing or do not match package-lock.json, finds the Node 26 among them, and hands over to it, with
 * signals passed on and its exit code returned.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail, handOver } from '../bin/launch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node26 = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** What a minimal Debian lacks of the libraries that Node 26 is linked with, and who brings it. */
const DEBIAN_PACKAGES = { 'libatomic.so.1': 'libatomic1' };

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail('usage: node tools/run.mjs SCRIPT [ARGUMENT ...]');

installWhatIsMissing();
handOver(node26, [join(root, script), ...args]);

function installWhatIsMissing() {
  const difference = differenceToLock();
  if (difference !== null) {
    process.stderr.write(`keyherd: installing dependencies with npm ci (${difference})\n`);
    npmCi();
  }
  if (!existsSync(node26)) {
    fail(
      'Node 26 is not in node_modules although dependencies are installed: npm was told not to run install scripts, ' +
        'or its download failed. Run: npm rebuild node --ignore-scripts=false --foreground-scripts',
    );
  }
  const problem = problemOfNode();
  if (problem !== null) {
    const library = /(lib\w+\.so\.\d+): cannot open shared object file/.exec(problem)?.[1];
    const debianPackage = DEBIAN_PACKAGES[library];
    if (!installDebianPackage(debianPackage) || problemOfNode() !== null) {
      // npm puts node_modules/.bin first on PATH: without this link its next script starts on the machine's own Node
      // and ends here again, with this message instead of the dynamic loader's.
      rmSync(join(root, 'node_modules', '.bin', 'node'), { force: true });
      const remedy = debianPackage === undefined ? '' : `; on Debian: apt-get install ${debianPackage}`;
      fail(`Node 26 does not start on this machine (${problem})${remedy}`);
    }
  }
}

/** Null when Node 26 starts, else what it says. */
function problemOfNode() {
  const { status, stderr, error } = spawnSync(node26, ['--version'], { encoding: 'utf8' });
  return status === 0 ? null : (error?.message ?? stderr.trim());
}

/** Only as root on a machine with apt: elsewhere the user decides. */
function installDebianPackage(name) {
  if (name === undefined || process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) return false;
  process.stderr.write(`keyherd: installing Debian's ${name}, which Node 26 needs\n`);
  const install = () => spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', name]).status === 0;
  return install() || (spawnSync('apt-get', ['update', '-q']).status === 0 && install());
}

/** Says in a few words how node_modules differs from package-lock.json, or null when it does not. */
function differenceToLock() {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === null) fail('package-lock.json is missing or damaged: restore it with git checkout package-lock.json');
  if (installed === null) return 'there is no node_modules yet';
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const present = installed[path];
    if (present === undefined) {
      if (entry.optional || entry.devOptional || entry.peer) continue;
      return `${path} is missing`;
    }
    if (present.version !== entry.version) {
      return `${path} is ${present.version}, package-lock.json says ${entry.version}`;
    }
  }
  return null;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}

function npmCi() {
  // npm's own messages go to stderr, so that stdout stays the script's. Its warnings are about the Node that npm runs
  // on, which is not the one that the dependencies run on.
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--include=dev', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.error !== undefined) {
    fail(`npm could not be started (${result.error.code}): install npm 10 or newer and put it on PATH`);
  }
  if (result.status !== 0) {
    fail(
      `npm ci failed (exit ${result.status ?? result.signal}): its messages stand above. Without a network or a ` +
        'registry within reach, dependencies cannot be had; run it again where there is one',
    );
  }
}
