import { expect, test } from 'vitest';
import { isAtLeast, pinned, versions } from './versions.ts';

test('versions are compared part by part as numbers', () => {
  expect(isAtLeast('v1.37.2', '1.36')).toBe(true);
  expect(isAtLeast('v1.9.0', '1.36')).toBe(false);
  expect(isAtLeast('v1.37', '1.37.1')).toBe(false);
  expect(isAtLeast('v2.0.0', '1.37.1')).toBe(true);
});

test('a version is found in what a program says of itself, and saying nothing is not enough', () => {
  expect(isAtLeast('go version go1.26.8 linux/amd64', '1.26.6')).toBe(true);
  expect(isAtLeast('kind v0.33.0 go1.26.8 linux/amd64', '0.34')).toBe(false);
  expect(isAtLeast('', '0.1')).toBe(false);
});

test('the version of a module, and of Go, is read from go.mod', () => {
  const goMod = 'module m\n\ngo 1.26.0\n\nrequire a.b/c v1.2.3\n\nrequire (\n\ta.b/d v0.4.0 // indirect\n)\n';
  expect(['go', 'a.b/c', 'a.b/d'].map((module) => pinned(goMod, module))).toEqual(['1.26.0', 'v1.2.3', 'v0.4.0']);
  expect(() => pinned(goMod, 'a.b')).toThrow('names no version of a.b');
});

test('what is pinned is one release of Kubernetes and a Node that the project runs on', () => {
  expect(versions.kubernetes).toMatch(/^v1\.\d+\.\d+$/);
  expect(isAtLeast(versions.node, '26')).toBe(true);
});
