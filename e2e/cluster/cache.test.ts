import { expect, test } from 'vitest';
import { cacheKey, outdated } from './cache.ts';

test('a key tells apart what only a border between inputs tells apart', () => {
  expect(cacheKey(['ab', 'c'])).not.toBe(cacheKey(['a', 'bc']));
  expect(cacheKey(['abc'])).not.toBe(cacheKey(['abc', '']));
  expect(cacheKey(['a', 'b'])).toMatch(/^[0-9a-f]{12}$/);
});

test('beside the newest result of a step one older is kept, and other steps are left alone', () => {
  const byAge = ['kube-proxy-000000000009', 'kube-000000000003', 'kube-000000000002', 'kube-000000000001'];
  expect(outdated('kube', '000000000003', byAge)).toEqual(['kube-000000000001']);
});
