/**
 * What is measured of commands: how the benchmark client is asked for it, at which pipeline depths, against which gate, and what must be
 * there before. One table; the measurements, the gates and the usage text read it.
 */

export interface Workload {
  readonly name: string;
  /** A test of the benchmark client's own (`-t`), or a command of ours in which it puts random numbers for __rand_int__. */
  readonly asks: { readonly test: string } | { readonly command: readonly string[] };
  /** Ratio to Valkey that must be reached, by pipeline depth. */
  readonly gates: Readonly<Record<number, number>>;
  /** Commands before each run, so that every run finds the same. */
  readonly before?: readonly (readonly string[])[];
  /** A request takes so many times as long as a SET: the runs have so many times fewer. */
  readonly weight?: number;
}

const FIRST = { 1: 0.9, 16: 0.7, 64: 0.7 };
const ALL = { 1: 0.9, 16: 0.9 };

/** The keys that pipelined MGET and MSET of ten take. */
const TEN_KEYS = Array.from({ length: 10 }, () => 'key:__rand_int__');
const TEN_PAIRS = TEN_KEYS.flatMap((key) => [key, 'v'.repeat(64)]);

/** So many elements, as arguments after a key. */
function elements(count: number, make: (i: number) => readonly string[]): string[] {
  return Array.from({ length: count }, (_, i) => make(i)).flat();
}

const LIST = ['RPUSH', 'bench:list', ...elements(600, (i) => [`element:${i}`])];
const SORTED_SET = ['ZADD', 'bench:zset', ...elements(1000, (i) => [String(i * 7), `member:${i}`])];
const NUMBERS = ['RPUSH', 'bench:numbers', ...elements(100, (i) => [String((i * 7919) % 1000)])];
const STREAM = ['XADD', 'bench:stream', '*', 'field', 'v'.repeat(64)];

export const WORKLOADS: readonly Workload[] = [
  { name: 'SET', asks: { test: 'set' }, gates: { 1: 0.9, 16: 0.85, 64: 0.85 } },
  { name: 'GET', asks: { test: 'get' }, gates: { 1: 0.9, 16: 0.75, 64: 0.75 } },
  { name: 'INCR', asks: { test: 'incr' }, gates: FIRST },
  { name: 'HSET', asks: { test: 'hset' }, gates: FIRST },
  { name: 'LPUSH', asks: { test: 'lpush' }, gates: FIRST, before: [['DEL', 'mylist']] },
  { name: 'SADD', asks: { test: 'sadd' }, gates: FIRST },
  { name: 'ZADD', asks: { test: 'zadd' }, gates: FIRST },
  { name: 'PING_INLINE', asks: { test: 'ping_inline' }, gates: ALL },
  { name: 'PING_MBULK', asks: { test: 'ping_mbulk' }, gates: ALL },
  { name: 'RPUSH', asks: { test: 'rpush' }, gates: ALL, before: [['DEL', 'mylist']] },
  { name: 'LPOP', asks: { command: ['LPOP', 'bench:list'] }, gates: ALL, before: [['DEL', 'bench:list'], LIST] },
  { name: 'RPOP', asks: { command: ['RPOP', 'bench:list'] }, gates: ALL, before: [['DEL', 'bench:list'], LIST] },
  { name: 'SPOP', asks: { test: 'spop' }, gates: ALL },
  { name: 'ZPOPMIN', asks: { test: 'zpopmin' }, gates: ALL },
  {
    name: 'LRANGE_100',
    asks: { command: ['LRANGE', 'bench:list', '0', '99'] },
    gates: ALL,
    before: [['DEL', 'bench:list'], LIST],
    weight: 10,
  },
  {
    name: 'LRANGE_300',
    asks: { command: ['LRANGE', 'bench:list', '0', '299'] },
    gates: ALL,
    before: [['DEL', 'bench:list'], LIST],
    weight: 25,
  },
  {
    name: 'LRANGE_600',
    asks: { command: ['LRANGE', 'bench:list', '0', '599'] },
    gates: ALL,
    before: [['DEL', 'bench:list'], LIST],
    weight: 50,
  },
  { name: 'MSET', asks: { command: ['MSET', ...TEN_PAIRS] }, gates: ALL, weight: 6 },
  { name: 'MGET', asks: { command: ['MGET', ...TEN_KEYS] }, gates: ALL, weight: 6 },
  { name: 'XADD', asks: { command: STREAM }, gates: ALL, before: [['DEL', 'bench:stream']], weight: 2 },
  {
    name: 'XRANGE',
    asks: { command: ['XRANGE', 'bench:stream', '-', '+', 'COUNT', '10'] },
    gates: ALL,
    before: [['DEL', 'bench:stream'], STREAM, STREAM, STREAM],
    weight: 2,
  },
  {
    name: 'ZRANGE',
    asks: { command: ['ZRANGE', 'bench:zset', '100', '109', 'WITHSCORES'] },
    gates: ALL,
    before: [SORTED_SET],
    weight: 2,
  },
  {
    name: 'SORT',
    asks: { command: ['SORT', 'bench:numbers'] },
    gates: ALL,
    before: [['DEL', 'bench:numbers'], NUMBERS],
    weight: 20,
  },
  {
    name: 'EVAL',
    asks: { command: ['EVAL', "return redis.call('set', KEYS[1], ARGV[1])", '1', 'key:__rand_int__', 'v'.repeat(64)] },
    gates: ALL,
    weight: 4,
  },
];

/** Null for a name that is none, or a depth that is not measured. */
export function workloadGate(name: string, pipeline: number): number | null {
  return WORKLOADS.find((workload) => workload.name === name)?.gates[pipeline] ?? null;
}
