import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ActiveExpiry } from '../keyspace/active-expiry.ts';
import { HASH } from '../keyspace/entry.ts';
import { NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import { Arena, NONE } from '../memory/arena.ts';
import { KEEP_FIELD_EXPIRY } from './hashes.ts';
import { defaultLimits, Types } from './index.ts';

const START_MS = 1_700_000_000_000;
const KEY: Uint8Array = bytesOf('hash');

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

interface Told {
  readonly fields: string[];
  readonly emptied: boolean;
}

/** A keyspace with one hash at one key, and what its active expiry tells. */
class OneHash {
  readonly arena = new Arena({ checked: true });
  readonly keyspace: Keyspace;
  readonly types: Types;
  readonly expiry: ActiveExpiry;
  readonly told: Told[] = [];
  nowMs = START_MS;

  constructor(hashEntries: number) {
    this.keyspace = new Keyspace({ databases: 1, cluster: false, seed: [3, 4], arena: this.arena });
    this.types = new Types(this.keyspace, { ...defaultLimits(), hashEntries });
    this.expiry = new ActiveExpiry(this.keyspace);
    this.keyspace.setNow(this.nowMs);
    this.keyspace.listener = {
      expired: () => {},
      evicted: () => {},
      touched: () => {},
      clearing: () => {},
      swapped: () => {},
      event: () => {},
      fieldsExpired: (_database, _slot, key, fields, emptied) => {
        expect(textOf(key, 0, key.length)).toBe('hash');
        this.told.push({ fields: fields.map((field) => textOf(field, 0, field.length)), emptied });
      },
    };
  }

  get database(): Keyspace['databases'][number] {
    return this.keyspace.databases[0]!;
  }

  move(ms: number): void {
    this.nowMs += ms;
    this.keyspace.setNow(this.nowMs);
  }

  find(): boolean {
    return this.database.findForWrite(KEY, 0, KEY.length) !== NONE;
  }

  /** Changes the hash, as a command does: made when it is not there, deleted when it is left empty. */
  change(work: (types: Types) => void): void {
    const { database, types } = this;
    const found = this.find();
    if (found) {
      database.beginChange();
      types.hashes.openFound(database);
    } else types.hashes.create();
    work(types);
    if (!found) {
      if (types.hashes.count === 0) types.free(HASH, types.hashes.encoding, types.hashes.root);
      else database.putCollection(KEY, 0, KEY.length, HASH, types.hashes.encoding, types.hashes.root);
      return;
    }
    types.hashes.saveTo(database);
    if (types.hashes.count === 0) database.remove();
  }

  /** What a command may see: values and expiries by field. */
  visible(): Map<string, readonly [string, number]> {
    const seen = new Map<string, readonly [string, number]>();
    if (!this.find()) return seen;
    const { walk } = this.types;
    const { view } = this.database;
    for (walk.open(HASH, view.encoding, view.root()); walk.next(); ) {
      const field = textOf(walk.segment, walk.from, walk.to);
      seen.set(field, [textOf(walk.segment, walk.valueFrom, walk.valueTo), walk.expireAtMs]);
    }
    return seen;
  }
}

const field = fc.nat({ max: 24 }).map((n) => `field:${n}`);
const value = fc.string({ maxLength: 12, unit: 'binary-ascii' });
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('set'), field, value, fc.constant(0)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('setUntil'), field, value, fc.nat({ max: 50 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('keep'), field, value, fc.constant(0)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('expire'), field, value, fc.nat({ max: 50 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('persist'), field, value, fc.constant(0)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('delete'), field, value, fc.constant(0)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('move'), field, value, fc.nat({ max: 20 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('slice'), field, value, fc.nat({ max: 6 })) },
);

test('a hash with fields that expire is a map with times, while time moves and active expiry goes on in slices', () => {
  fc.assert(
    fc.property(
      fc.array(operation, { minLength: 1, maxLength: 120 }),
      fc.constantFrom(4, 512),
      (operations, entries) => {
        const hash = new OneHash(entries);
        const model = new Map<string, [string, number]>();
        const live = (name: string): boolean => {
          const found = model.get(name);
          return found !== undefined && (found[1] === NO_FIELD_EXPIRY || found[1] >= hash.nowMs);
        };
        for (const [what, name, content, number] of operations) {
          const bytes = bytesOf(name);
          const text = bytesOf(content);
          const at = hash.nowMs + number;
          if (what === 'move') hash.move(number);
          else if (what === 'slice') hash.expiry.slice(1 + number);
          else {
            hash.change(({ hashes }) => {
              if (what === 'set' || what === 'setUntil' || what === 'keep') {
                const kept = live(name) ? model.get(name)![1] : NO_FIELD_EXPIRY;
                const expiry = what === 'set' ? NO_FIELD_EXPIRY : what === 'setUntil' ? at : KEEP_FIELD_EXPIRY;
                const isNew = hashes.put(bytes, 0, bytes.length, text, 0, text.length, expiry);
                expect(isNew).toBe(!live(name));
                model.set(name, [content, what === 'set' ? NO_FIELD_EXPIRY : what === 'setUntil' ? at : kept]);
                return;
              }
              expect(hashes.get(bytes, 0, bytes.length)).toBe(live(name));
              if (what === 'delete') expect(hashes.delete(bytes, 0, bytes.length)).toBe(live(name));
              else if (live(name)) hashes.setExpiry(bytes, 0, bytes.length, what === 'expire' ? at : NO_FIELD_EXPIRY);
              if (!live(name)) return;
              if (what === 'delete') model.delete(name);
              else model.get(name)![1] = what === 'expire' ? at : NO_FIELD_EXPIRY;
            });
          }
          const expected = [...model].filter(([one]) => live(one));
          expect([...hash.visible()].sort()).toEqual(expected.sort());
          const volatile = hash.find() && hash.types.hashes.openFound(hash.database).expiring > 0;
          expect(hash.database.expiringHashes).toBe(volatile ? 1 : 0);
        }
        // In the end all that is past its time is gone and told, and nothing else.
        hash.move(1000);
        for (let i = 0; i < 200; i++) hash.expiry.slice(8);
        const left = [...model.keys()].filter((one) => live(one));
        expect(hash.find() ? hash.types.hashes.openFound(hash.database).count : 0).toBe(left.length);
        expect(hash.database.expiringHashes).toBe(0);
        if (hash.find()) hash.database.remove();
        hash.types.reclaim(10_000);
      },
    ),
    { numRuns: 50 },
  );
});

test('active expiry names the fields it deletes, at most about eighty at a time, and says when the hash is gone', () => {
  const hash = new OneHash(4);
  const names = Array.from({ length: 300 }, (_, i) => `field:${i}`);
  hash.change(({ hashes }) => {
    for (const name of names) hashes.put(bytesOf(name), 0, name.length, bytesOf('v'), 0, 1, START_MS + 10);
  });
  hash.expiry.slice(10_000);
  expect(hash.told).toEqual([]);
  hash.move(11);
  while (hash.find()) hash.expiry.slice(16);
  expect(hash.told.flatMap((told) => told.fields).sort()).toEqual([...names].sort());
  expect(hash.told.map((told) => told.emptied)).toEqual([...hash.told.slice(1).map(() => false), true]);
  expect(Math.max(...hash.told.map((told) => told.fields.length))).toBeLessThan(80 + 40);
  expect(hash.keyspace.expiredFields).toBe(300);
});

test('a hash in which nothing is due is not looked through again until something is', () => {
  const hash = new OneHash(4);
  hash.change(({ hashes }) => {
    for (let i = 0; i < 5000; i++) {
      const name = bytesOf(`field:${i}`);
      hashes.put(name, 0, name.length, name, 0, name.length, i === 7 ? START_MS + 10 : START_MS + 1_000_000);
    }
  });
  hash.move(11);
  while (hash.told.length === 0) hash.expiry.slice(64);
  while (hash.find() && hash.types.hashes.openFound(hash.database).count > 4999) hash.expiry.slice(64);
  for (let i = 0; i < 100; i++) hash.expiry.slice(64);
  let looked = 0;
  const { fieldExpiry } = hash.keyspace;
  hash.keyspace.fieldExpiry = {
    get deleted() {
      return fieldExpiry!.deleted;
    },
    get finished() {
      return fieldExpiry!.finished;
    },
    expireFound: (database, buckets) => {
      looked++;
      return fieldExpiry!.expireFound(database, buckets);
    },
  };
  hash.move(1000);
  for (let i = 0; i < 100; i++) hash.expiry.slice(64);
  expect(looked).toBe(0);
  hash.move(1_000_000);
  for (let i = 0; i < 10 && looked === 0; i++) hash.expiry.slice(64);
  expect(looked).toBeGreaterThan(0);
});

test('an expiry costs its field seven bytes, and a hash without any none', () => {
  const plain = new OneHash(4);
  const before = plain.arena.usedBytes;
  plain.change(({ hashes }) => {
    for (let i = 0; i < 100; i++)
      hashes.set(bytesOf(`f${i % 10}${i}`), 0, `f${i % 10}${i}`.length, bytesOf('value'), 0, 5);
  });
  const withoutExpiry = plain.arena.usedBytes - before;
  plain.change(({ hashes }) => {
    for (let i = 0; i < 100; i++) {
      const name = bytesOf(`f${i % 10}${i}`);
      expect(hashes.get(name, 0, name.length)).toBe(true);
      hashes.setExpiry(name, 0, name.length, START_MS + 1000);
    }
  });
  expect(plain.arena.usedBytes - before).toBeLessThanOrEqual(withoutExpiry + 100 * 8);
  plain.change(({ hashes }) => {
    for (let i = 0; i < 100; i++)
      hashes.set(bytesOf(`f${i % 10}${i}`), 0, `f${i % 10}${i}`.length, bytesOf('value'), 0, 5);
  });
  expect(plain.arena.usedBytes - before).toBe(withoutExpiry);
  expect(plain.database.expiringHashes).toBe(0);
});

test('a copy of a hash has none of the fields past their time', () => {
  const hash = new OneHash(4);
  hash.change(({ hashes }) => {
    for (let i = 0; i < 2000; i++) {
      const name = bytesOf(`field:${i}`);
      hashes.put(name, 0, name.length, name, 0, name.length, i % 2 === 0 ? START_MS + 10 : START_MS + 1000);
    }
  });
  hash.move(11);
  const { types, database } = hash;
  expect(hash.find()).toBe(true);
  const { encoding } = database.view;
  const root = types.copy(HASH, encoding, database.view.root());
  expect(types.count(HASH, encoding, root)).toBe(1000);
  expect(types.hashes.open(encoding, root).expiring).toBe(1000);
  expect(hash.find() ? types.hashes.openFound(database).count : 0).toBe(2000);
  types.free(HASH, encoding, root);
});
