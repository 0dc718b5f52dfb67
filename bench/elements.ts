/**
 * Bytes an element of collections: resident memory over the empty server's, of about a million elements in collections of 10, of 1,000, and
 * in one of a million.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'iovalkey';
import type { Figure, Pair, Progress } from './measurements.ts';
import type { Servers } from './server-process.ts';

const SIZES: readonly number[] = [10, 1_000, 1_000_000];
const ELEMENTS = 1_000_000;
/** Elements a command adds, and commands on their way. */
const ELEMENTS_PER_COMMAND = 1_000;
const BATCH = 100;
/** What a load leaves behind is given back within this time. */
const SETTLE_MS = 1_500;

interface Kind {
  readonly name: string;
  /** Adds elements from … to of a collection. */
  readonly add: (key: string, from: number, to: number) => readonly (readonly string[])[];
}

function range(from: number, to: number, make: (i: number) => readonly string[]): string[] {
  const words: string[] = [];
  for (let i = from; i < to; i++) words.push(...make(i));
  return words;
}

const value = (i: number): string => `value:${String(i).padStart(10, '0')}`;
const member = (i: number): string => `member:${String(i).padStart(9, '0')}`;

const KINDS: readonly Kind[] = [
  { name: 'hash', add: (key, from, to) => [['HSET', key, ...range(from, to, (i) => [member(i), value(i)])]] },
  { name: 'set', add: (key, from, to) => [['SADD', key, ...range(from, to, (i) => [member(i)])]] },
  {
    name: 'sorted set',
    add: (key, from, to) => [['ZADD', key, ...range(from, to, (i) => [String(i * 3), member(i)])]],
  },
  { name: 'list', add: (key, from, to) => [['RPUSH', key, ...range(from, to, (i) => [value(i)])]] },
  {
    name: 'stream',
    add: (key, from, to) =>
      Array.from({ length: to - from }, (_, n) => ['XADD', key, `${from + n + 1}-1`, 'field', value(from + n)]),
  },
];

export async function measureElements(servers: Servers, pair: Pair, progress: Progress): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const kind of KINDS) {
    for (const size of SIZES) {
      const bytes = { ours: 0, valkey: 0 };
      for (const which of ['valkey', 'ours'] as const) {
        const server = await servers.start(pair[which]);
        await wait(SETTLE_MS);
        const empty = server.residentBytes();
        await fill(server.port, kind, size);
        await wait(SETTLE_MS);
        bytes[which] = (server.residentBytes() - empty) / ELEMENTS;
        await servers.stop(server);
      }
      const name = `bytes a ${kind.name} element, ${size}`;
      progress(`${name}: ${bytes.ours.toFixed(1)} beside ${bytes.valkey.toFixed(1)}`);
      figures.push({ name, unit: 'bytes', ...bytes, runs: { ours: [bytes.ours], valkey: [bytes.valkey] } });
    }
  }
  return figures;
}

async function fill(port: number, kind: Kind, size: number): Promise<void> {
  const client = new Redis({ port, host: '127.0.0.1' });
  let commands: Promise<unknown>[] = [];
  try {
    for (let collection = 0; collection < ELEMENTS / size; collection++) {
      for (let from = 0; from < size; from += ELEMENTS_PER_COMMAND) {
        for (const [name, ...words] of kind.add(
          `bench:${collection}`,
          from,
          Math.min(size, from + ELEMENTS_PER_COMMAND),
        )) {
          commands.push(client.call(name!, ...words));
          if (commands.length < BATCH) continue;
          await Promise.all(commands);
          commands = [];
        }
      }
    }
    await Promise.all(commands);
  } finally {
    client.disconnect();
  }
}
