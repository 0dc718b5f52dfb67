import { expect, test } from 'vitest';
import { kindConfiguration, misfit, parseNodes } from './kind.ts';

const listing = [
  'keyherd-e2e-control-plane\tcontrol-plane\trunning\tkeyherd-node:1',
  'keyherd-e2e-worker\tworker\texited\tkeyherd-node:1',
  '',
].join('\n');

test('nodes are read from what docker lists', () => {
  expect(parseNodes(listing)).toEqual([
    { name: 'keyherd-e2e-control-plane', role: 'control-plane', isRunning: true, image: 'keyherd-node:1' },
    { name: 'keyherd-e2e-worker', role: 'worker', isRunning: false, image: 'keyherd-node:1' },
  ]);
  expect(parseNodes('')).toEqual([]);
});

test('a cluster fits when it has what is asked for, and what is not asked for does not matter', () => {
  const nodes = parseNodes(listing);
  expect(misfit(nodes, {})).toBe('');
  expect(misfit(nodes, { workers: 1, image: 'keyherd-node:1' })).toBe('');
});

test('a cluster that does not fit says why', () => {
  const nodes = parseNodes(listing);
  expect(misfit([], {})).toBe('there is none');
  expect(misfit(nodes, { workers: 2 })).toBe('it has 1 workers, and 2 are asked for');
  expect(misfit(nodes, { image: 'keyherd-node:2' })).toContain('of keyherd-node:1, and keyherd-node:2 is asked for');
});

test('on an ordinary machine the configuration has nodes and nothing else', () => {
  expect(kindConfiguration({ workers: 2, cgroupVersion: 2, hasSysResource: true })).toBe(
    [
      'kind: Cluster',
      'apiVersion: kind.x-k8s.io/v1alpha4',
      'nodes:',
      '- role: control-plane',
      '- role: worker',
      '- role: worker',
      '',
    ].join('\n'),
  );
});

test('cgroup v1 and a missing capability are each met by one setting', () => {
  expect(kindConfiguration({ workers: 0, cgroupVersion: 1, hasSysResource: true })).toContain('failCgroupV1: false');
  const sandboxed = kindConfiguration({ workers: 0, cgroupVersion: 2, hasSysResource: false });
  expect(sandboxed).toContain('restrict_oom_score_adj = true');
  expect(sandboxed).not.toContain('failCgroupV1');
});
