/**
 * Hashes with fields that expire, bitmaps and HyperLogLogs replicated to a real valkey-server and from one, and their payloads exchanged.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import type { Reply } from '../testing/replies.ts';
import { Side } from '../testing/side-by-side.ts';

const PORT = 25120;
const FAR = '99999999999000';
const SOON_MS = '300';
const ATTEMPTS = 200;
const RETRY_MS = 50;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to replicate fields that expire with\n');

const HASHES = Array.from({ length: 12 }, (_, k) => `hash:${k}`);

/** Hashes small and large, half of their fields with an expiry, and strings with structure. */
async function fill(side: Side): Promise<void> {
  for (const [k, key] of HASHES.entries()) {
    const pairs: string[] = [];
    const timed: string[] = [];
    for (let i = 0; i < (k === 0 ? 3000 : 10 + k); i++) {
      pairs.push(`f${i}`, `v${i}`);
      if (i % 2 === 1) timed.push(`f${i}`);
    }
    await side.ask('hset', key, ...pairs);
    await side.ask('hpexpireat', key, FAR, 'FIELDS', String(timed.length), ...timed);
  }
  await side.ask('hset', 'short', 'a', '1', 'b', '2');
  await side.ask('hpexpire', 'short', SOON_MS, 'FIELDS', '1', 'a');
  await side.ask('hsetex', 'gone', 'PX', SOON_MS, 'FIELDS', '2', 'a', '1', 'b', '2');
  await side.ask('setbit', 'bits', '1000', '1');
  await side.ask('pfadd', 'hll', 'a', 'b', 'c');
}

const CHANGES: readonly (readonly string[])[] = [
  ['hsetex', 'hash:1', 'PX', '100', 'FIELDS', '2', 'f1', 'x', 'new', 'y'],
  ['hgetex', 'hash:2', 'PERSIST', 'FIELDS', '1', 'f1'],
  ['hincrby', 'hash:3', 'n', '5'],
  ['hpexpireat', 'hash:3', FAR, 'FIELDS', '1', 'n'],
  ['hincrby', 'hash:3', 'n', '5'],
  ['hincrbyfloat', 'hash:3', 'n', '0.5'],
  ['hgetdel', 'hash:4', 'FIELDS', '1', 'f3'],
  ['hexpire', 'hash:5', '0', 'FIELDS', '2', 'f1', 'f2'],
  ['rename', 'hash:6', 'renamed'],
  ['copy', 'hash:7', 'copied'],
  ['move', 'hash:8', '1'],
  ['hset', 'hash:9', 'f1', 'plain'],
  ['hpersist', 'hash:10', 'FIELDS', '1', 'f1'],
  ['hsetex', 'hash:11', 'FXX', 'KEEPTTL', 'FIELDS', '1', 'f1', 'kept'],
  ['bitop', 'not', 'flipped', 'bits'],
  ['bitfield', 'bits', 'set', 'i64', '#3', '-5'],
  ['pfadd', 'hll', 'd'],
  ['pfcount', 'hll'],
  ['pfmerge', 'merged', 'hll'],
];

async function until<T>(ask: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const value = await ask();
    if (holds(value) || attempt === ATTEMPTS) return value;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function times(side: Side): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (const key of [...HASHES, 'renamed', 'copied', 'short']) {
    replies.push(await side.ask('hpexpiretime', key, 'FIELDS', '4', 'f0', 'f1', 'n', 'f5'));
  }
  return replies;
}

/** Both come to the same digest and the same times: what expires meanwhile is given the time to be gone on both. */
async function expectReplicated(primary: Side, replica: Side): Promise<void> {
  const [mine, theirs] = await until(
    async () => [
      [await replica.ask('debug', 'digest'), ...(await times(replica))],
      [await primary.ask('debug', 'digest'), ...(await times(primary))],
    ],
    (both) => JSON.stringify(both[0]) === JSON.stringify(both[1]),
  );
  expect(mine).toEqual(theirs);
}

describe.skipIf(valkey === null)('fields that expire, with a real valkey-server', () => {
  let ours: Side;
  let theirs: Side;
  beforeAll(async () => {
    ours = new Side([process.execPath, 'server/main.ts'], PORT);
    theirs = new Side([valkey!.path], PORT + 1);
    await Promise.all([ours.open(), theirs.open()]);
  }, 60_000);
  afterAll(() => {
    ours?.close();
    theirs?.close();
  });

  for (const direction of ['to', 'from']) {
    test(`replicate ${direction} it, by full sync and by the stream, and expire there`, {
      timeout: 90_000,
    }, async () => {
      const [primary, replica] = direction === 'to' ? [ours, theirs] : [theirs, ours];
      for (const side of [ours, theirs]) {
        await side.ask('replicaof', 'no', 'one');
        await side.ask('flushall');
      }
      await fill(primary!);
      await replica!.ask('replicaof', '127.0.0.1', String(primary!.port));
      await until(
        () => replica!.ask('info', 'replication'),
        (info) => String(info).includes('master_link_status:up'),
      );
      await expectReplicated(primary!, replica!);
      for (const change of CHANGES) expect(String(await primary!.ask(...change))).not.toMatch(/^-/);
      await expectReplicated(primary!, replica!);
      // What the primary's active expiry deletes is deleted on the replica, the hash that is left empty too.
      expect(
        await until(
          () => replica!.ask('hlen', 'short'),
          (length) => length === ':1',
        ),
      ).toBe(':1');
      expect(
        await until(
          () => replica!.ask('exists', 'gone'),
          (there) => there === ':0',
        ),
      ).toBe(':0');
      expect(
        await until(
          () => replica!.ask('hexists', 'hash:1', 'new'),
          (there) => there === ':0',
        ),
      ).toBe(':0');
      await expectReplicated(primary!, replica!);
    });
  }

  test('survive DUMP and RESTORE both ways', { timeout: 60_000 }, async () => {
    for (const side of [ours, theirs]) {
      await side.ask('replicaof', 'no', 'one');
      await side.ask('flushall');
      await fill(side);
    }
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      for (const key of ['hash:0', 'hash:1', 'bits', 'hll']) {
        const payload = String(await from.ask('dump', key)).slice(1);
        expect(await to.ask('restore', 'restored', '0', payload, 'replace')).toBe('+OK');
        const [, original, restored] = (await to.ask('debug', 'digest-value', key, 'restored')) as readonly Reply[];
        expect(restored).toBe(original);
        if (!key.startsWith('hash')) continue;
        const asked = ['FIELDS', '3', 'f0', 'f1', 'f3'];
        expect(await to.ask('hpexpiretime', 'restored', ...asked)).toEqual(
          await from.ask('hpexpiretime', key, ...asked),
        );
      }
    }
  });
});
