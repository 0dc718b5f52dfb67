import { expect, test } from 'vitest';
import { normalise } from './api/objects.ts';
import { nodeOf } from './pod-state.ts';

function pod(status: object, deleted = false, annotations: Record<string, string> = {}) {
  return nodeOf(
    normalise({
      metadata: {
        name: 'c-0-1',
        namespace: 'n',
        uid: 'u',
        creationTimestamp: '2026-01-01T00:00:00Z',
        labels: { 'apps.kubernetes.io/pod-index': '1' },
        annotations,
        ...(deleted ? { deletionTimestamp: '2026-01-01T00:01:00Z' } : {}),
      },
      status,
    }),
    'present',
  );
}
const container = (state: object, restartCount = 0, lastState: object = {}) => ({
  podIP: '10.0.0.1',
  containerStatuses: [{ state, restartCount, lastState }],
});

test('a running pod has its address, its ordinal and a uid that a restart changes', () => {
  expect(pod({ ...container({ running: {} }, 2), conditions: [{ type: 'Ready', status: 'True' }] })).toEqual({
    name: 'c-0-1',
    uid: 'u/2',
    ordinal: 1,
    phase: 'Running',
    ready: true,
    outdated: false,
    createdAtMs: Date.UTC(2026, 0, 1),
    address: { host: '10.0.0.1', port: 6379, busPort: 16379 },
  });
});

test('a pod is outdated when the template has changed since, and not for being older than the annotation', () => {
  const made = (hash: string) => pod(container({ running: {} }), false, { 'keyherd.dev/restart-hash': hash }).outdated;
  expect([made('present'), made('former'), pod(container({ running: {} })).outdated]).toEqual([false, true, false]);
});

test('a pod that cannot be scheduled or started says why', () => {
  expect(
    pod({
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' },
      ],
    }),
  ).toMatchObject({ phase: 'Pending', phaseReason: 'Unschedulable: 0/3 nodes are available' });
  expect(pod(container({ waiting: { reason: 'ImagePullBackOff', message: 'not found' } }))).toMatchObject({
    phase: 'Pending',
    phaseReason: 'ImagePullBackOff: not found',
  });
});

test('only an end that the kubelet reported is Stopped', () => {
  expect(pod(container({ terminated: { reason: 'Error', exitCode: 137 } }))).toMatchObject({
    phase: 'Stopped',
    phaseReason: 'Error (exit code 137)',
  });
  expect(
    pod(container({ waiting: { reason: 'CrashLoopBackOff' } }, 3, { terminated: { reason: 'Error', exitCode: 1 } })),
  ).toMatchObject({ phase: 'Stopped', phaseReason: 'CrashLoopBackOff: Error (exit code 1)', uid: 'u/3' });
  expect(pod(container({ terminated: { exitCode: 0 } }), true).phase).toBe('Stopped');
  expect(pod(container({ running: {} }), true).phase).toBe('Terminating');
  expect(pod({ ...container({ running: {} }), phase: 'Unknown' }).phase).toBe('Unknown');
});
