import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';
import { LatencyMonitor } from './latency-monitor.ts';
import { latencyDoctor, latencyGraph } from './latency-report.ts';

const NOW_MS = 1_800_000_000_000;

test('a histogram counts every call once, at a bound that is at least its time and less than about twice it', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 50 }), (times) => {
      const histogram = new LatencyHistogram();
      for (const micros of times) histogram.add(micros);
      const pairs = histogram.distribution();
      expect(pairs.at(-1)![1]).toBe(times.length);
      for (const [bound, calls] of pairs)
        expect(times.filter((micros) => micros < bound).length).toBeLessThanOrEqual(calls);
      for (const micros of times) {
        const bound = pairs.find(([, calls]) => calls >= times.filter((other) => other <= micros).length)![0];
        expect(bound + 1).toBeGreaterThan(micros);
      }
    }),
  );
});

test('a percentile is within an eighth of the exact one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 10, max: 1e8, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(1, 50, 99, 99.9, 100),
      (times, percent) => {
        const histogram = new LatencyHistogram();
        for (const micros of times) histogram.add(micros);
        const exact = [...times].sort((a, b) => a - b)[Math.ceil((percent / 100) * times.length) - 1]!;
        expect(histogram.percentile(percent)).toBeGreaterThan(exact * 0.999);
        expect(histogram.percentile(percent)).toBeLessThan(exact * 1.3 + 1.1);
      },
    ),
  );
});

test('a percentile without calls is 0', () => {
  expect(new LatencyHistogram().percentile(99)).toBe(0);
});

test('samples under the threshold are not kept, and those of one second are one', () => {
  const monitor = new LatencyMonitor();
  monitor.sample('command', 500, NOW_MS);
  expect(monitor.all()).toEqual([]);
  monitor.thresholdMs = 10;
  for (const [ms, at] of [
    [9, 0],
    [12, 0],
    [30, 400],
    [20, 999],
    [15, 1000],
  ] as const)
    monitor.sample('command', ms, NOW_MS + at);
  expect(monitor.event('command')).toMatchObject({
    samples: [
      { atSeconds: NOW_MS / 1000, milliseconds: 30 },
      { atSeconds: NOW_MS / 1000 + 1, milliseconds: 15 },
    ],
    maximumMs: 30,
    sumMs: 77,
    count: 4,
  });
});

test('the last 160 samples of an event are kept', () => {
  const monitor = new LatencyMonitor();
  monitor.thresholdMs = 1;
  for (let second = 0; second < 200; second++) monitor.sample('command', 5, NOW_MS + second * 1000);
  expect(monitor.event('command')!.samples).toHaveLength(160);
  expect(monitor.event('command')!.samples[0]!.atSeconds).toBe(NOW_MS / 1000 + 40);
});

test('resetting named events leaves the others', () => {
  const monitor = new LatencyMonitor();
  monitor.thresholdMs = 1;
  for (const name of ['a', 'b', 'c']) monitor.sample(name, 5, NOW_MS);
  expect(monitor.reset(['a', 'nosuch'])).toBe(1);
  expect(monitor.all().map(({ name }) => name)).toEqual(['b', 'c']);
  expect(monitor.reset([])).toBe(2);
});

test('the graph draws higher samples higher, the ages below', () => {
  const monitor = new LatencyMonitor();
  monitor.thresholdMs = 1;
  for (const [second, ms] of [10, 100, 55].entries()) monitor.sample('command', ms, NOW_MS + second * 1000);
  expect(latencyGraph(monitor.event('command')!, NOW_MS + 65_000).split('\n')).toEqual([
    'command - high 100 ms, low 10 ms (all time high 100 ms)',
    '-'.repeat(80),
    ' `',
    ' |_',
    ' ||',
    '_||',
    '',
    '111',
    'mmm',
    '',
  ]);
});

test('the doctor says how to switch the monitor on, that there is nothing, or what was seen', () => {
  const monitor = new LatencyMonitor();
  expect(latencyDoctor(monitor, NOW_MS)).toContain('CONFIG SET latency-monitor-threshold');
  monitor.thresholdMs = 1;
  expect(latencyDoctor(monitor, NOW_MS)).toContain('no latency spike');
  monitor.sample('command', 20, NOW_MS);
  monitor.sample('command', 40, NOW_MS + 2000);
  expect(latencyDoctor(monitor, NOW_MS + 4000)).toContain(
    'command: 2 latency spikes (average 30ms, mean deviation 10ms, period 2.00 sec). Worst all time event 40ms.',
  );
});
