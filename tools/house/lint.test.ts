import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

const forbiddenBelowNode: readonly (readonly [subject: string, source: string, says: string])[] = [
  ['await', 'export async function f(x: unknown) { return await x; }', 'await below'],
  ['for await', 'export function f(xs: never) { for await (const x of xs) x; }', 'for await below'],
  ['an async function', 'export async function f() {}', 'async below'],
  ['an async function after a comment', '/** Does. */\nexport async function f() {}', 'async below'],
  ['an async arrow function', 'export const f = async () => {};', 'async below'],
  ['an async method', 'export class A { private async m() {} }', 'async below'],
  ['an async method of an object', 'export const o = { async m() {} } as const;', 'async below'],
  ['a promise', 'export const f = () => Promise.resolve();', 'Promise'],
  ['the type of a promise', 'export type P = Promise<void>;', 'Promise'],
  ['setTimeout', 'setTimeout(() => {}, 1);', 'setTimeout'],
  ['setInterval', 'setInterval(() => {}, 1);', 'setInterval'],
  ['setImmediate', 'setImmediate(() => {});', 'setImmediate'],
  ['queueMicrotask', 'queueMicrotask(() => {});', 'queueMicrotask'],
  ['a timer by way of globalThis', 'globalThis.setTimeout(() => {}, 1);', 'globalThis'],
  ['the clock', 'export const f = () => Date.now();', 'Date'],
  ['a date', 'export const f = () => new Date(0);', 'Date'],
  ['the monotonic clock', 'export const f = () => performance.now();', 'performance'],
  ['chance', 'export const f = () => Math.random();', 'Math.random'],
  ['cryptography', "export { createHash } from 'node:crypto';", 'noRestrictedImports'],
  ['web cryptography', 'export const f = () => crypto.randomUUID();', 'crypto'],
  ['files', "import { open } from 'node:fs';\nopen('x', () => {});", 'noRestrictedImports'],
  ['timers by import', "import { setTimeout as s } from 'node:timers/promises';\ns(1);", 'noRestrictedImports'],
  ['the process', 'export const f = () => process.pid;', 'process'],
  ['a module-level let', 'let counter = 0;\nexport const next = () => ++counter;', 'module-level variable'],
  [
    'an exported module-level let',
    'export let counter = 0;\nexport const next = () => ++counter;',
    'module-level variable',
  ],
  ['a module-level var', 'var counter = 0;\nexport const next = () => ++counter;', 'module-level variable'],
  ['a module-level Map', 'export const cache = new Map<string, number>();', 'module-level container'],
  ['a module-level array', 'export const list: number[] = [];', 'module-level container'],
  ['a module-level typed array', 'export const scratch = new Uint8Array(4);', 'module-level container'],
  ['a mutable static', 'export class A { static count = 0; go() {} }', 'mutable static'],
  ['any', 'export const f = (x: any) => x;', 'noExplicitAny'],
  ['a default export', 'export default 5;', 'noDefaultExport'],
];

const acceptedBelowNode = `
/** Constant tables say so by their type or, where the type cannot, by their name. */
export const powers: readonly number[] = [1, 2, 4];
export const names: ReadonlyMap<string, number> = new Map([['a', 1]]);
export const flags = { write: 1, fast: 2 } as const;
export const SQUARES = new Uint8Array([0, 1, 4, 9]);

export class Sum {
  static readonly zero = 0;
  #total = Sum.zero;

  add(values: readonly number[]): number {
    let sum = this.#total;
    for (const value of values) sum += value;
    const seen = new Set<number>(values);
    this.#total = sum + seen.size;
    return this.#total;
  }
}
`;

const asynchronous = `export async function f(): Promise<number> {
  await Promise.resolve();
  return Date.now() + Math.random();
}
`;

/** Each source stands in a file of its own in a copy of the house, so that one run of the linter judges them all. */
const sources: Record<string, string> = {
  'server/keyspace/accepted.ts': acceptedBelowNode,
  'server/node.ts': asynchronous,
  'server/main.ts': asynchronous,
  'server/network/transport.ts': asynchronous,
  'server/keyspace/example.test.ts': asynchronous,
  'operator/act/example.ts': asynchronous,
};
for (const [index, [, source]] of forbiddenBelowNode.entries()) sources[`server/keyspace/case${index}.ts`] = source;

const said = new Map<string, string>();

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'keyherd-lint-'));
  try {
    cpSync(join(root, 'biome.json'), join(folder, 'biome.json'));
    cpSync(join(root, 'tools/lint'), join(folder, 'tools/lint'), { recursive: true });
    for (const [path, source] of Object.entries(sources)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), source);
    }
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
    const options = ['lint', '--vcs-enabled=false', '--max-diagnostics=none', '--reporter=json'];
    const { stdout } = spawnSync(process.execPath, [biome, ...options], { cwd: folder, encoding: 'utf8' });
    const report = JSON.parse(stdout) as {
      diagnostics: { category: string; message: string; location: { path: string } }[];
    };
    for (const { category, message, location } of report.diagnostics) {
      said.set(location.path, `${said.get(location.path) ?? ''}${category}: ${message}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(forbiddenBelowNode.map((row, index) => [...row, index] as const))(
  '%s is refused below server/node.ts',
  (_subject, _source, says, index) => {
    expect(said.get(`server/keyspace/case${index}.ts`) ?? 'nothing').toContain(says);
  },
);

test('constant tables, classes and local variables are accepted below server/node.ts', () => {
  expect(said.get('server/keyspace/accepted.ts') ?? 'nothing').toBe('nothing');
});

test.each([
  'server/node.ts',
  'server/main.ts',
  'server/network/transport.ts',
  'server/keyspace/example.test.ts',
  'operator/act/example.ts',
])('in %s the clock, chance and asynchronous code are accepted', (path) => {
  expect(said.get(path) ?? 'nothing').toBe('nothing');
});
