import { expect, test } from 'vitest';
import { MAX_SERIES_PER_METRIC, Metrics } from './metrics.ts';

test('counters add, gauges are set, and labels are escaped', () => {
  const metrics = new Metrics();
  metrics.add('keyherd_reconciles_total', { result: 'ok' });
  metrics.add('keyherd_reconciles_total', { result: 'ok' }, 2);
  metrics.set('keyherd_build_info', 1, { version: 'a"b\\c\nd', node: '26' });
  expect(metrics.render()).toBe(
    [
      '# HELP keyherd_build_info Always 1; the version is a label.',
      '# TYPE keyherd_build_info gauge',
      'keyherd_build_info{version="a\\"b\\\\c\\nd",node="26"} 1',
      '# HELP keyherd_reconciles_total Reconciliations by outcome.',
      '# TYPE keyherd_reconciles_total counter',
      'keyherd_reconciles_total{result="ok"} 3',
      '',
    ].join('\n'),
  );
});

test('a histogram counts cumulatively, and what is above all bounds only in +Inf', () => {
  const metrics = new Metrics();
  for (const seconds of [0.001, 0.2, 0.2, 99]) metrics.observe('keyherd_reconcile_duration_seconds', seconds);
  const text = metrics.render();
  expect(text).toContain('keyherd_reconcile_duration_seconds_bucket{le="0.005"} 1\n');
  expect(text).toContain('keyherd_reconcile_duration_seconds_bucket{le="0.25"} 3\n');
  expect(text).toContain('keyherd_reconcile_duration_seconds_bucket{le="30"} 3\n');
  expect(text).toContain('keyherd_reconcile_duration_seconds_bucket{le="+Inf"} 4\n');
  expect(text).toContain('keyherd_reconcile_duration_seconds_count 4\n');
});

test('a deleted cluster leaves no series behind', () => {
  const metrics = new Metrics();
  metrics.set('keyherd_cluster_shards', 3, { namespace: 'n', name: 'a' });
  metrics.set('keyherd_cluster_shards', 3, { namespace: 'n', name: 'b' });
  metrics.set('keyherd_cluster_state', 1, { namespace: 'n', name: 'a', state: 'Ready' });
  metrics.forget({ namespace: 'n', name: 'a' });
  expect(metrics.render()).not.toContain('name="a"');
  expect(metrics.render()).toContain('name="b"');
});

test('wrong labels are a programming error', () => {
  expect(() => new Metrics().add('keyherd_reconciles_total')).toThrow('has the labels (result)');
});

test('a metric keeps no more series than its limit', () => {
  const metrics = new Metrics();
  for (let index = 0; index < MAX_SERIES_PER_METRIC + 10; index += 1)
    metrics.add('keyherd_watch_restarts_total', { resource: String(index) });
  expect(
    metrics
      .render()
      .split('\n')
      .filter((line) => line.startsWith('keyherd_watch')),
  ).toHaveLength(MAX_SERIES_PER_METRIC);
});
