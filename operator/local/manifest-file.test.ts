import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LOOK_INTERVAL_MS, ManifestWatch, readManifest } from './manifest-file.ts';

let folder: string;
let path: string;
let watch: ManifestWatch;
let seen: string[];

const manifest = (shards: number): string =>
  `apiVersion: keyherd.dev/v1alpha1\nkind: ValkeyCluster\nmetadata: {name: test}\nspec: {shards: ${shards}}\n`;

beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), 'keyherd-test-'));
  path = join(folder, 'cluster.yaml');
  writeFileSync(path, manifest(3));
  seen = [];
  watch = new ManifestWatch(
    path,
    ({ spec }) => seen.push(`${spec.shards} shards`),
    (line) => seen.push(line.replace(folder, '')),
  );
  watch.start();
});

afterEach(() => {
  watch.stop();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const looks = (count: number): void => void vi.advanceTimersByTime(count * LOOK_INTERVAL_MS);

test('an edit is read once, whether the file is written over or replaced', () => {
  looks(3);
  writeFileSync(path, `${manifest(4)}\n`);
  looks(5);
  writeFileSync(`${path}.new`, manifest(5));
  renameSync(`${path}.new`, path);
  looks(5);
  expect(seen).toEqual(['4 shards', '5 shards']);
});

test('a file that is empty or gone for a moment while it is saved is no mistake', () => {
  looks(1);
  writeFileSync(path, '');
  looks(1);
  rmSync(path);
  looks(1);
  writeFileSync(path, `${manifest(4)}# saved\n`);
  looks(3);
  expect(seen).toEqual(['4 shards']);
});

test('a mistake is told once and names the field, and the next good version counts', () => {
  writeFileSync(path, `${manifest(0)}#\n`);
  looks(3);
  writeFileSync(path, `${manifest(0)}##\n`);
  looks(3);
  writeFileSync(path, `${manifest(6)}###\n`);
  looks(3);
  expect(seen).toEqual(['/cluster.yaml: spec.shards: 0 is below 1: a cluster has at least one shard', '6 shards']);
});

test('a manifest that is not there is one line', () => {
  expect(() => readManifest(join(folder, 'none.yaml'))).toThrow(/none\.yaml: cannot be read: /);
});
