import { expect, test } from 'vitest';
import { dropped, EMPTY_MANIFEST, formatManifest, nextBase, nextIncrement, parseManifest } from './aof-manifest.ts';

const TEXT = 'file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.3.incr.aof seq 3 type i\n';

test('a manifest is read as it is written', () => {
  const manifest = parseManifest(TEXT, 'm');
  expect(manifest).toEqual({
    base: { name: 'appendonly.aof.2.base.rdb', sequence: 2 },
    increments: [{ name: 'appendonly.aof.3.incr.aof', sequence: 3 }],
  });
  expect(formatManifest(manifest)).toBe(TEXT);
});

test('history, comments, quoted names and offsets of Valkey are understood', () => {
  const manifest = parseManifest(
    '# comment\nfile "my file.1.incr.aof" seq 1 type i\nfile old seq 1 type h\nfile b seq 2 type i startoffset 5 endoffset 9\n\n',
    'm',
  );
  expect(manifest.increments.map(({ name }) => name)).toEqual(['my file.1.incr.aof', 'b']);
  expect(parseManifest(formatManifest(manifest), 'm')).toEqual(manifest);
});

test('what is not understood is refused with its line', () => {
  expect(() => parseManifest('file a seq 1 type x', 'the/manifest')).toThrow('the/manifest:1: not a line');
  expect(() => parseManifest('file a seq 2 type i\nfile b seq 1 type i', 'm')).toThrow('m:2: sequence 1');
  expect(() => parseManifest('file ../a seq 1 type b', 'm')).toThrow('not in this folder');
  expect(() => parseManifest('file a seq 1 type b\nfile b seq 2 type b', 'm')).toThrow('a second base');
});

test('names go on by sequence, and files that a new manifest lacks are to be deleted', () => {
  const before = parseManifest(TEXT, 'm');
  const increment = nextIncrement(before, 'appendonly.aof');
  expect(increment).toEqual({ name: 'appendonly.aof.4.incr.aof', sequence: 4 });
  const after = { base: nextBase(before, 'appendonly.aof'), increments: [increment] };
  expect(after.base).toEqual({ name: 'appendonly.aof.3.base.rdb', sequence: 3 });
  expect(dropped(before, after).map(({ name }) => name)).toEqual([
    'appendonly.aof.2.base.rdb',
    'appendonly.aof.3.incr.aof',
  ]);
  expect(nextIncrement(EMPTY_MANIFEST, 'a').name).toBe('a.1.incr.aof');
});
