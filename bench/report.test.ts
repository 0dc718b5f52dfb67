import { expect, test } from 'vitest';
import { gateOf } from './gates.ts';
import type { Figure } from './measurements.ts';
import { table } from './report.ts';
import { WORKLOADS } from './workloads.ts';

function figure(name: string, unit: Figure['unit'], ours: number, valkey: number): Figure {
  return { name, unit, ours, valkey, runs: { ours: [ours], valkey: [valkey] } };
}

test('every workload has a gate at each depth that it is measured at', () => {
  for (const { name, gates } of WORKLOADS) {
    for (const pipeline of Object.keys(gates)) {
      expect(gateOf(figure(`${name} pipeline ${pipeline}`, 'requests/s', 1, 1)), name).not.toBeNull();
    }
  }
});

test('a throughput holds its gate from the ratio on, and misses it below', () => {
  expect(gateOf(figure('GET pipeline 16', 'requests/s', 750_000, 1_000_000))?.holds).toBe(true);
  expect(gateOf(figure('GET pipeline 16', 'requests/s', 749_000, 1_000_000))?.holds).toBe(false);
});

test("memory holds its gate at Valkey's own, and misses it above", () => {
  expect(gateOf(figure('memory per key', 'bytes', 109, 109))?.holds).toBe(true);
  expect(gateOf(figure('memory per key', 'bytes', 109.1, 109))?.holds).toBe(false);
});

test('the start time is held against a limit of its own, whatever Valkey does', () => {
  expect(gateOf(figure('start time', 'ms', 299, 10))?.holds).toBe(true);
  expect(gateOf(figure('start time', 'ms', 300, 400))?.holds).toBe(false);
});

test('the table shows both figures, their ratio, and what was missed', () => {
  const figures = [
    figure('SET pipeline 16', 'requests/s', 900_000, 1_000_000),
    figure('start time', 'ms', 412, 40),
    figure('memory of the empty server', 'bytes', 60 * 2 ** 20, 6 * 2 ** 20),
  ];
  expect(table(figures)).toBe(
    `
|                            |   keyherd |   Valkey | ratio |            gate |
|----------------------------|----------:|---------:|------:|----------------:|
| SET pipeline 16            | 900.0 k/s | 1.00 M/s |  0.90 |          ≥ 0.85 |
| start time                 |    412 ms |    40 ms | 10.30 | < 300 ms MISSED |
| memory of the empty server |  60.0 MiB |  6.0 MiB | 10.00 |                 |
`.trim(),
  );
});
