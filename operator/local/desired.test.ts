import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseManifest, type ValkeyCluster } from '../api/index.ts';
import { StateDirectory } from '../platform/process/index.ts';
import { acceptEdit, adoptManifest } from './desired.ts';

let state: StateDirectory;

beforeEach(() => {
  state = new StateDirectory(mkdtempSync(join(tmpdir(), 'keyherd-test-')));
});

afterEach(() => rmSync(state.path, { recursive: true }));

function manifest(spec: string, name = 'test'): ValkeyCluster {
  return parseManifest(
    `apiVersion: keyherd.dev/v1alpha1\nkind: ValkeyCluster\nmetadata: {name: ${name}}\nspec: ${spec}\n`,
    'test.yaml',
  );
}

test('a new cluster gets a uid and generation 1', () => {
  const { metadata } = adoptManifest(state, manifest('{shards: 3}'));
  expect(metadata.generation).toBe(1);
  expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
});

test('a cluster whose front was killed keeps its uid, and gets a new generation when the manifest has changed meanwhile', () => {
  const first = adoptManifest(state, manifest('{shards: 3}'));
  expect(adoptManifest(state, manifest('{shards: 3}')).metadata).toEqual(first.metadata);
  expect(adoptManifest(state, manifest('{shards: 4}')).metadata).toEqual({ ...first.metadata, generation: 2 });
});

test('an edit of the spec is a new generation, told field by field', () => {
  const current = adoptManifest(state, manifest('{shards: 3, replicas: 1}'));
  const outcome = acceptEdit(state, current, manifest('{shards: 4, replicas: 1, config: {maxmemory: 100mb}}'));
  expect(outcome).toMatchObject({ kind: 'accepted', changes: 'shards 3 → 4, config {} → {"maxmemory":"100mb"}' });
  expect(state.read<ValkeyCluster>('desired.json')).toMatchObject({ metadata: { generation: 2 }, spec: { shards: 4 } });
});

test('an edit that changes nothing is nothing', () => {
  const current = adoptManifest(state, manifest('{shards: 3}'));
  expect(acceptEdit(state, current, manifest('{shards: 3}'))).toEqual({ kind: 'unchanged' });
});

test('what an API server would refuse is refused, and the resource stays as it was', () => {
  const current = adoptManifest(state, manifest('{persistence: {mode: None}}'));
  expect(acceptEdit(state, current, manifest('{persistence: {mode: RDB}}'))).toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining('spec.persistence.mode'),
  });
  expect(acceptEdit(state, current, manifest('{persistence: {mode: None}}', 'other'))).toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining('metadata.name'),
  });
  expect(state.read<ValkeyCluster>('desired.json')).toEqual(current);
});
