/**
 * `npm run fuzz`: a million random, mutated, truncated and split inputs through sessions of one node. Every input is given whole to one
 * client and in pieces to another, and both must get the same replies; nothing may throw; memory must return to where it began.
 * `-- --inputs N --seed N`; ends by itself, exits non-zero on the first difference, which it prints with its seed.
 */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { request, TestNode } from '../server/testing/test-node.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
});
const INPUTS = Number(values.inputs);
const SEED = Number(values.seed);
const PROGRESS_EVERY = 100_000;
/** What the heap may differ by at the end: caches of the engine itself. */
const HEAP_SLACK_BYTES = 1024 * 1024;
const KEYS = ['a', 'b', 'key:1', 'a-much-longer-key-name-than-the-others'];

/** xorshift32: the run is the seed's. */
class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed === 0 ? 1 : seed | 0;
  }

  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
}

function randomText(chance: Chance): string {
  return Array.from({ length: chance.below(24) }, () => String.fromCharCode(chance.below(256))).join('');
}

function randomRequest(chance: Chance): Uint8Array {
  const key = KEYS[chance.below(KEYS.length)]!;
  switch (chance.below(9)) {
    case 0:
      return request('SET', key, randomText(chance));
    case 1:
      return request('GET', key);
    case 2:
      return request('APPEND', key, randomText(chance));
    case 3:
      return request('HSET', `h${key}`, randomText(chance), randomText(chance));
    case 4:
      return request('RPUSH', `l${key}`, randomText(chance));
    case 5:
      return request('DEL', key, `h${key}`, `l${key}`);
    case 6:
      return new TextEncoder().encode(`PING "${chance.below(10)}"\r\n`);
    case 7:
      return request(randomText(chance), randomText(chance));
    default:
      return request('GETRANGE', key, String(chance.below(50) - 25), String(chance.below(50) - 25));
  }
}

function randomInput(chance: Chance): Uint8Array {
  const parts = Array.from({ length: 1 + chance.below(4) }, () => randomRequest(chance));
  const input = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    input.set(part, at);
    at += part.length;
  }
  for (let i = chance.below(4); i > 0 && input.length > 0; i--) input[chance.below(input.length)] = chance.below(256);
  return chance.below(3) === 0 ? input.slice(0, chance.below(input.length + 1)) : input;
}

/** One server for the whole inputs and one for the split ones, so that both see the same history. */
function replies(test: TestNode, input: Uint8Array, chance: Chance | null): string {
  const client = test.client();
  let text = '';
  for (let at = 0; at < input.length; ) {
    const size = chance === null ? input.length : 1 + chance.below(12);
    text += client.raw(input.slice(at, at + size));
    at += size;
  }
  test.node.clients.remove(client.client);
  return text;
}

const whole = new TestNode().at(1_000_000);
const split = new TestNode().at(1_000_000);
const chance = new Chance(SEED);
let heapBefore = 0;
for (let i = 0; i < INPUTS; i++) {
  const input = randomInput(chance);
  const expected = replies(whole, input, null);
  const got = replies(split, input, chance);
  if (expected !== got) {
    process.stdout.write(
      `input ${i} of seed ${SEED}: ${JSON.stringify(String.fromCharCode(...input))}\nwhole ${JSON.stringify(expected)}\nsplit ${JSON.stringify(got)}\n`,
    );
    process.exit(1);
  }
  if (i % PROGRESS_EVERY === PROGRESS_EVERY - 1) {
    process.stdout.write(`fuzz: ${i + 1} inputs\n`);
    for (const test of [whole, split]) test.node.keyspace.clear();
    if (heapBefore === 0) heapBefore = heapBytes();
  }
}
for (const test of [whole, split]) {
  test.node.keyspace.clear();
  while (test.node.types.reclaim(100_000));
}
const heapGrown = heapBytes() - heapBefore;
const arenaBytes = whole.node.keyspace.arena.usedBytes + split.node.keyspace.arena.usedBytes;
process.stdout.write(
  `fuzz: ${INPUTS} inputs, no difference; arena ${arenaBytes} bytes in use, heap ${heapGrown} bytes over the first tenth\n`,
);
process.exit(arenaBytes === 0 && (heapBefore === 0 || heapGrown < HEAP_SLACK_BYTES) ? 0 : 1);
