import { expect, test } from 'vitest';
import { readSuiteOutput } from './suite-output.ts';

const ESC = String.fromCharCode(27);

test('passed tests lose their timing and the colours of a terminal', () => {
  const { tests } = readSuiteOutput(`[ready]: 12\n[${ESC}[0;32mok${ESC}[0m]: INCR against (3 ms) spaces (12 ms)\n`);
  expect(tests).toEqual([{ name: 'INCR against (3 ms) spaces', outcome: 'passed', detail: '' }]);
});

test('what a test prints is no part of the name of the one before it', () => {
  const { tests } = readSuiteOutput('[ok]: first (1 ms)\nTime: 1021\n[ok]: second\nline (1021 ms)\n');
  expect(tests.map(({ name }) => name)).toEqual(['first', 'second\nline']);
});

test('a failed test keeps what the suite said of it, and its name may hold " in "', () => {
  const { tests } = readSuiteOutput(
    [
      '[err]: LPOS when RANK is in the list in tests/unit/type/list.tcl',
      "Expected '1' to be equal to '2'",
      '    while executing',
      '[ok]: next (1 ms)',
    ].join('\n'),
  );
  expect(tests[0]).toEqual({
    name: 'LPOS when RANK is in the list',
    outcome: 'failed',
    detail: "Expected '1' to be equal to '2'\n    while executing",
  });
  expect(tests[1]!.outcome).toBe('passed');
});

test('an error that is no assertion is told whole, and a server that did not start without its configuration', () => {
  const { tests, accidents } = readSuiteOutput(
    [
      '[err]: COPY in tests/unit/keyspace.tcl',
      "n command 'copy'",
      "ERR unknown command 'copy'",
      '    while executing',
      "[err]: Can't start valkey-server",
      'CONFIGURATION:',
      'port 1',
      'ERROR:',
      'No PID detected in log',
    ].join('\n'),
  );
  expect(tests[0]!.detail).toBe("ERR unknown command 'copy'\n    while executing");
  expect(accidents).toEqual(["Can't start valkey-server: No PID detected in log"]);
});

test('skipped tests are told from skipped blocks', () => {
  const { tests, accidents } = readSuiteOutput(
    [
      '[skip]: asked for by name',
      '[skip]: too slow here in tests/unit/other.tcl: no time',
      '[ignore]: big one: large memory flag not provided',
      '[ignore]: Not supported in tls mode',
    ].join('\n'),
  );
  expect(tests.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['asked for by name', 'skipped'],
    ['too slow here', 'skipped'],
    ['big one', 'skipped'],
  ]);
  expect(accidents).toEqual(['a block of tests was skipped: Not supported in tls mode']);
});

test('failures are not counted again from the summary, and an exception is an accident', () => {
  const output = readSuiteOutput(
    [
      '[exception]: Executing test client: I/O error reading reply.',
      '[1/1 done]: unit/quit (1 seconds)',
      '                   The End',
      '*** [err]: x in tests/unit/quit.tcl',
      '[err]: x in tests/unit/quit.tcl',
    ].join('\n'),
  );
  expect(output).toEqual({
    tests: [],
    accidents: ['Executing test client: I/O error reading reply.'],
    finished: true,
  });
});

test('a file that was cut off is not finished', () => {
  expect(readSuiteOutput('[ok]: a (1 ms)\n').finished).toBe(false);
});
