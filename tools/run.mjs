#!/usr/bin/env node
/**
 * Runs a script of this checkout on Node 26: node tools/run.mjs SCRIPT [ARGUMENT ...]
 *
 * The first thing that runs on a fresh machine, so it needs nothing but Node 20 and npm: it installs the dependencies
 * when they are missing or do not match package-lock.json, finds the Node 26 among them, and hands over to it, with
 * signals passed on and its exit code returned.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail, handOver } from '../bin/launch.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node26 = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

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
