/**
 * npm test: everything that has to hold before a change lands, closed by one line that counts.
 *
 * Type check, lint and format, the staleness of generated files, then the unit, property and differential tests.
 * Every step runs even when an earlier one failed. With arguments (npm test -- server/memory) only the tests they name
 * run, without the other checks.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideValkeyServer } from './valkey.ts';

type Tally = { passed: number; failed: number; skipped: number };

const root = join(import.meta.dirname, '..');
const selection = process.argv.slice(2);
const tally: Tally = { passed: 0, failed: 0, skipped: 0 };

const checks: readonly { readonly name: string; readonly script: string; readonly args: readonly string[] }[] = [
  { name: 'types', script: 'node_modules/typescript/bin/tsc', args: ['--noEmit', '-p', '.'] },
  { name: 'lint and format', script: 'node_modules/@biomejs/biome/bin/biome', args: ['check', '--error-on-warnings'] },
  { name: 'generated resource definitions', script: 'operator/api/generate-crds.ts', args: ['--check'] },
];

if (selection.length === 0) {
  for (const check of checks) {
    if (!existsSync(join(root, check.script))) continue;
    count(step(check.name, () => (runNode(check.script, check.args) === 0 ? passed(1) : failed(1))));
  }
}
count(step('tests', runVitest));

if (tally.passed + tally.failed === 0) {
  process.stdout.write('no test ran\n');
  tally.failed = 1;
}
const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : '';
process.stdout.write(`${tally.passed} passed, ${tally.failed} failed${skipped}\n`);
process.exitCode = tally.failed === 0 ? 0 : 1;

function step(name: string, run: () => Tally): Tally {
  process.stdout.write(`\n== ${name}\n`);
  const startMs = performance.now();
  const result = run();
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`== ${name}: ${result.failed === 0 ? 'ok' : 'FAILED'} (${seconds} s)\n`);
  return result;
}

function runVitest(): Tally {
  const valkey = provideValkeyServer((line) => void process.stdout.write(`${line}\n`));
  process.stdout.write(
    valkey === null
      ? 'the tests that compare with a real valkey-server are skipped\n'
      : `comparing with valkey-server ${valkey.version}\n`,
  );
  const folder = mkdtempSync(join(tmpdir(), 'keyherd-test-'));
  try {
    const report = join(folder, 'report.json');
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...selection];
    const status = runNode(
      'node_modules/vitest/vitest.mjs',
      args,
      valkey === null ? {} : { VALKEY_SERVER: valkey.path },
    );
    return readReport(report, status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The parts of vitest's JSON report that are counted. */
type Report = {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
};

function readReport(file: string, exitStatus: number): Tally {
  if (!existsSync(file)) return failed(1);
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  const result: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of report.testResults) {
    let failedHere = 0;
    for (const test of suite.assertionResults) {
      if (test.status === 'passed') result.passed += 1;
      else if (test.status === 'failed') failedHere += 1;
      else result.skipped += 1;
    }
    // A file that could not be loaded has no test that failed, and has failed.
    result.failed += suite.status === 'failed' ? Math.max(1, failedHere) : failedHere;
  }
  // An error outside of any test (an unhandled rejection) shows in the exit status alone.
  if (exitStatus !== 0 && result.failed === 0) result.failed = 1;
  return result;
}

function runNode(script: string, args: readonly string[], env: Record<string, string> = {}): number {
  const result = spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  return result.status ?? 1;
}

function count(result: Tally): void {
  tally.passed += result.passed;
  tally.failed += result.failed;
  tally.skipped += result.skipped;
}

function passed(n: number): Tally {
  return { passed: n, failed: 0, skipped: 0 };
}

function failed(n: number): Tally {
  return { passed: 0, failed: n, skipped: 0 };
}
