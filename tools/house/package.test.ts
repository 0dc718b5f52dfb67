import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importsOf } from './imports.ts';

/**
 * Packs the package and installs it the way npm lays it out, without a registry: the tarball unpacked under
 * node_modules, its dependencies and Node 26 linked from this checkout.
 */
const root = join(import.meta.dirname, '..', '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
};

let folder = '';
let installed = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyherd-package-'));
  installed = join(folder, 'node_modules', 'keyherd');
  run('npm', ['pack', '--silent', '--pack-destination', folder], root);
  mkdirSync(installed, { recursive: true });
  run(
    'tar',
    ['-xzf', join(folder, `keyherd-${manifest.version}.tgz`), '--strip-components=1', '-C', installed],
    folder,
  );
  for (const name of [...Object.keys(manifest.dependencies), 'node']) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the package carries what a user needs', () => {
  for (const path of [
    'LICENSE',
    'README.md',
    'crds/*.yaml',
    'charts/keyherd/Chart.yaml',
    'examples/*.yaml',
    'dist/server/main.js',
  ]) {
    expect(globSync(path, { cwd: installed }), path).not.toEqual([]);
  }
});

test('the package carries no TypeScript, no test and no import of either', () => {
  expect(globSync('{dist,bin}/**/*.{ts,test.js}', { cwd: installed })).toEqual([]);
  const importing = globSync('dist/**/*.js', { cwd: installed }).filter((path) =>
    /^(?:import|export)\b.*'\..*\.ts'/m.test(readFileSync(join(installed, path), 'utf8')),
  );
  expect(importing).toEqual([]);
});

test('every package that the package imports is declared as its dependency', () => {
  const undeclared = new Set<string>();
  for (const path of globSync('dist/**/*.js', { cwd: installed })) {
    for (const target of importsOf(path, readFileSync(join(installed, path), 'utf8'))) {
      const name = target.split('/', target.startsWith('@') ? 2 : 1).join('/');
      const own = target.startsWith('node:') || globSync(target, { cwd: installed }).length > 0;
      if (!own && !(name in manifest.dependencies)) undeclared.add(`${path}: ${target}`);
    }
  }
  expect([...undeclared]).toEqual([]);
});

test('the installed keyherd-server says its version', () => {
  const bin = join(installed, manifest.bin['keyherd-server'] ?? '');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, '--version'], { encoding: 'utf8', cwd: folder });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^keyherd-server, compatible with Valkey 9\.1\.2/);
});

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
}
