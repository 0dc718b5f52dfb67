import { expect, test } from 'vitest';
import type { SuiteOutput, TestResult } from './suite-output.ts';
import { judge, sumsOf, tableOf } from './verdict.ts';

const output = (...tests: readonly (readonly [string, TestResult['outcome'], string?])[]): SuiteOutput => ({
  tests: tests.map(([name, outcome, detail = '']) => ({ name, outcome, detail })),
  accidents: [],
  finished: true,
});
const nothingExpected = { exemptionOf: () => null, known: new Map<string, string>() };

test('a test that the real server passes and our run never shows is failed', () => {
  const verdict = judge('unit/x', output(['a', 'passed'], ['b', 'passed']), output(['a', 'passed']), nothingExpected);
  expect(verdict.passed).toBe(1);
  expect(verdict.failures).toMatchObject([{ test: 'b', known: null }]);
  expect(verdict.failures[0]!.detail).toContain('not reached');
});

test('tests of the same name count one by one, in their order', () => {
  const verdict = judge(
    'unit/x',
    output(['a', 'passed'], ['a', 'passed'], ['a', 'passed']),
    output(['a', 'passed'], ['a', 'failed', 'wrong'], ['a', 'passed']),
    nothingExpected,
  );
  expect(verdict.passed).toBe(2);
  expect(verdict.failures.map(({ detail }) => detail)).toEqual(['wrong']);
});

test('what the real server does not pass either is not judged', () => {
  const verdict = judge('unit/x', output(['a', 'failed'], ['b', 'skipped']), output(['a', 'passed']), nothingExpected);
  expect(sumsOf([verdict])).toMatchObject({ passed: 0, failed: 0, notJudged: 2 });
});

test('an exempt test counts in its category, whether it was run or not', () => {
  const verdict = judge('unit/x', output(['mallctl', 'passed'], ['b', 'passed']), output(['b', 'passed']), {
    exemptionOf: (name) =>
      name === 'mallctl' ? { file: 'unit/x', test: name, category: 'C internals', reason: 'jemalloc' } : null,
    known: new Map(),
  });
  expect(verdict.exempt.get('C internals')).toBe(1);
  expect(sumsOf([verdict])).toMatchObject({ passed: 1, failed: 0, exempt: 1, percent: 100 });
});

test('a known failure counts as failed but not as unexpected, and is outdated when it passes', () => {
  const known = new Map([
    ['a', 'the reason'],
    ['b', 'another'],
  ]);
  const verdict = judge('unit/x', output(['a', 'passed'], ['b', 'passed']), output(['a', 'failed'], ['b', 'passed']), {
    ...nothingExpected,
    known,
  });
  expect(sumsOf([verdict])).toMatchObject({ failed: 1, unexpected: 0, percent: 50 });
  expect(verdict.outdated).toEqual(['b']);
});

test('the table closes with the sums of all files', () => {
  const one = judge('unit/x', output(['a', 'passed'], ['b', 'passed']), output(['a', 'passed']), nothingExpected);
  const other = judge('unit/yy', output(['a', 'passed']), output(['a', 'passed']), nothingExpected);
  expect(tableOf([one, other]).split('\n').at(-1)).toMatch(/^all +2 +1 +0 +0 +66\.7$/);
});
