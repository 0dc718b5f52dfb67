import { expect, test } from 'vitest';
import { linesOfArguments, quoted, readLine, type SplitWords } from './config-text.ts';
import { Settings } from './settings.ts';

/** Enough of the words of a line for these tests: words, and words in double or single quotes. */
const split: SplitWords = (line) =>
  line.match(/"[^"]*"|'[^']*'|\S+/g)?.map((word) => word.replace(/^["']|["']$/g, '')) ?? [];
const lines = (...words: readonly string[]) => linesOfArguments(words, split);

test('a directive takes the words up to the next that begins with two dashes', () => {
  expect(lines('--port', '7000', '--bind', 'a', 'b')).toEqual(['port "7000"', 'bind "a" "b"']);
});

test('a directive and its value may stand in one argument', () => {
  expect(lines('--maxmemory 700mb', '--maxmemory-policy', 'noeviction')).toEqual([
    'maxmemory 700mb',
    'maxmemory-policy "noeviction"',
  ]);
});

test('the value of a bare directive may begin with two dashes', () => {
  expect(lines('--logfile', '--my-file', '--port', '1')).toEqual(['logfile "--my-file"', 'port "1"']);
});

test('save without a value is an empty one', () => {
  expect(lines('--save', '--port', '1')).toEqual(['save ""', 'port "1"']);
  expect(lines('--port', '1', '--save')).toEqual(['port "1"', 'save ""']);
});

test('quotes and backslashes survive being quoted', () => {
  expect(quoted('a "b" \\ c')).toBe('"a \\"b\\" \\\\ c"');
});

const read = (...text: readonly string[]): Settings => {
  const settings = new Settings();
  for (const line of text) readLine(settings, 'x.conf:1', line, split, () => {});
  return settings;
};

test('the first line of save points replaces the default, the next ones add to it, an empty one clears', () => {
  expect(read('save 900 1', 'save 100 100').text('save')).toBe('900 1 100 100');
  expect(read('save 900 1', 'save ""').text('save')).toBe('');
});

test('an error names the place and the line in one line of text', () => {
  expect(() => read('port "6379" "6380"')).toThrow(`x.conf:1: 'port "6379" "6380"': wrong number of arguments`);
  expect(() => read('appendonyl no')).toThrow("x.conf:1: 'appendonyl no': Bad directive or wrong number of arguments");
});

test('an error never shows a secret', () => {
  expect(() => read('requirepass one two')).toThrow(/^x\.conf:1: 'requirepass': wrong number of arguments$/);
});
