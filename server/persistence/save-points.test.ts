import { expect, test } from 'vitest';
import { parseSavePoints, SaveState } from './save-points.ts';

function state(points: string): SaveState {
  const saves = new SaveState(1000);
  saves.points = parseSavePoints(points);
  return saves;
}

test('a save is due when a point has both its changes and its time', () => {
  const saves = state('10 3 2 100');
  expect(saves.isDue(2, 60_000)).toBe(false);
  expect(saves.isDue(3, 10_999)).toBe(false);
  expect(saves.isDue(3, 11_000)).toBe(true);
  expect(saves.isDue(100, 3000)).toBe(true);
});

test('no point, no save', () => {
  expect(state('').isDue(1_000_000, 10 ** 9)).toBe(false);
});

test('a failed save is tried again after a while, and one asked for by hand at once', () => {
  const saves = state('1 1');
  saves.begin(5, 5000);
  expect(saves.isDue(5, 5000)).toBe(false);
  saves.failed(5100, false);
  expect(saves.lastFailed).toBe(true);
  expect(saves.isDue(5, 6000)).toBe(false);
  expect(saves.isDue(5, 10_000)).toBe(true);
  saves.scheduled = true;
  expect(saves.isDue(5, 6000)).toBe(true);
});

test('what changed during a save stays to be saved', () => {
  const saves = state('1 1');
  saves.begin(5, 5000);
  expect(saves.succeeded(6000)).toBe(5);
  expect(saves.lastSaveMs).toBe(6000);
  expect(saves.lastFailed).toBe(false);
});
