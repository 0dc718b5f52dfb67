/** Hashes with fields that expire, told by a snapshot while they change, written, read and loaded. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HASH } from '../keyspace/entry.ts';
import { NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import { Arena, NONE } from '../memory/arena.ts';
import { defaultLimits, Types } from '../types/index.ts';
import { CommandWriter } from './command-writer.ts';
import { bytesOf, DatasetModel, textOf } from './dataset-model.ts';
import { KeyspaceLoader } from './keyspace-loader.ts';
import * as format from './rdb/format.ts';
import { RdbReader } from './rdb/rdb-reader.ts';
import { RdbWriter } from './rdb/rdb-writer.ts';
import { Snapshots } from './snapshot.ts';
import type { SnapshotConsumer } from './snapshot-consumer.ts';

const NOW_MS = 1_700_000_000_000;
const QUEUE_LIMIT_BYTES = 64 * 1024 * 1024;
const ORIGIN = {
  version: format.VERSION,
  serverVersion: '9.1.2',
  createdAtSeconds: 0,
  usedMemoryBytes: 0,
  replication: null,
};

class Store {
  readonly keyspace: Keyspace;
  readonly types: Types;
  readonly snapshots: Snapshots;

  constructor() {
    this.keyspace = new Keyspace({ databases: 1, cluster: false, seed: [5, 6], arena: new Arena() });
    this.types = new Types(this.keyspace, defaultLimits());
    this.snapshots = new Snapshots(this.keyspace, this.types);
    this.keyspace.setNow(NOW_MS);
  }

  find(key: string): boolean {
    const bytes = bytesOf(key);
    return this.keyspace.databases[0]!.findForWrite(bytes, 0, bytes.length) !== NONE;
  }

  change(key: string, work: (hashes: Types['hashes']) => void): void {
    const database = this.keyspace.databases[0]!;
    const { hashes } = this.types;
    const found = this.find(key);
    if (found) {
      database.beginChange();
      hashes.openFound(database);
    } else hashes.create();
    work(hashes);
    if (found) hashes.saveTo(database);
    else database.putCollection(bytesOf(key), 0, key.length, HASH, hashes.encoding, hashes.root);
  }

  put(key: string, field: string, value: string, expireAtMs: number): void {
    this.change(key, (hashes) =>
      hashes.put(bytesOf(field), 0, field.length, bytesOf(value), 0, value.length, expireAtMs),
    );
  }

  /** Fields with their values and expiries, those past their time included. */
  content(key: string): Map<string, string> {
    const fields = new Map<string, string>();
    if (!this.find(key)) return fields;
    const { view } = this.keyspace.databases[0]!;
    const walk = this.types.newWalk();
    for (walk.open(HASH, view.encoding, view.root()); walk.next(); ) {
      const value = textOf(walk.segment, walk.valueFrom, walk.valueTo);
      fields.set(textOf(walk.segment, walk.from, walk.to), `${value} until ${walk.expireAtMs}`);
    }
    return fields;
  }
}

function taken(consumer: SnapshotConsumer): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let chunk = consumer.out.take(true); chunk !== null; chunk = consumer.out.take(true)) {
    pieces.push(chunk.bytes.slice(0, chunk.length));
    consumer.out.release(chunk);
  }
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function loaded(file: Uint8Array, dropExpiredBeforeMs: number): { store: Store; loader: KeyspaceLoader } {
  const store = new Store();
  const loader = new KeyspaceLoader(store.keyspace, store.types, store.types.newBuilder(), { dropExpiredBeforeMs });
  const reader = new RdbReader(loader, 'test');
  reader.push(file, 0, file.length);
  reader.finish();
  expect(reader.error).toBe(null);
  return { store, loader };
}

const expiryOf = (i: number): number =>
  i % 3 === 0 ? NO_FIELD_EXPIRY : i % 3 === 1 ? NOW_MS + 1000 + i : NOW_MS - 1 - i;

describe('a hash with fields that expire', () => {
  test('is told by a snapshot as it was, however its fields and their expiries change meanwhile', () => {
    const change = fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 2999 }), fc.nat({ max: 40 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 200 }), fc.nat({ max: 1 }), (changes, which) => {
        const store = new Store();
        for (const key of ['large', 'small']) {
          store.change(key, (hashes) => {
            for (let i = 0; i < (key === 'large' ? 3000 : 30); i++) {
              const field = `field ${i}`;
              hashes.put(bytesOf(field), 0, field.length, bytesOf(`v${i}`), 0, `v${i}`.length, expiryOf(i));
            }
          });
        }
        const before = ['large', 'small'].map((key) => store.content(key));
        const writer = new RdbWriter(ORIGIN);
        const snapshot = store.snapshots.open(writer, { slots: null, queueLimitBytes: QUEUE_LIMIT_BYTES });
        for (const [what, number, units] of changes) {
          store.snapshots.slice(snapshot, units * 10);
          const key = which === 0 || number >= 30 ? 'large' : 'small';
          const field = bytesOf(`field ${number}`);
          store.change(key, (hashes) => {
            if (what === 0) hashes.put(field, 0, field.length, field, 0, field.length, NOW_MS + 7);
            else if (what === 1) hashes.set(field, 0, field.length, field, 0, 1);
            else if (what === 2) hashes.deleteExpired(field, 0, field.length);
            else if (hashes.get(field, 0, field.length)) {
              if (what === 3) hashes.delete(field, 0, field.length);
              else hashes.setExpiry(field, 0, field.length, what === 4 ? NO_FIELD_EXPIRY : NOW_MS + 99);
            }
          });
        }
        while (!snapshot.done) store.snapshots.slice(snapshot, 1_000_000);
        expect(snapshot.failure).toBe('');
        const copy = loaded(taken(writer), 0);
        store.snapshots.close(snapshot);
        expect(['large', 'small'].map((key) => copy.store.content(key))).toEqual(before);
        expect(copy.store.keyspace.databases[0]!.expiringHashes).toBe(2);
      }),
      { numRuns: 25 },
    );
  });

  test('is a hash with times in an RDB file, and one whose fields do not expire is not', () => {
    const store = new Store();
    store.put('timed', 'field', 'value', NOW_MS + 5);
    store.put('timed', 'other', 'value', NO_FIELD_EXPIRY);
    store.put('plain', 'field', 'value', NOW_MS + 5);
    store.put('plain', 'field', 'value', NO_FIELD_EXPIRY);
    const writer = new RdbWriter(ORIGIN);
    const snapshot = store.snapshots.open(writer, { slots: null, queueLimitBytes: QUEUE_LIMIT_BYTES });
    while (!snapshot.done) store.snapshots.slice(snapshot, 1_000_000);
    const model = new DatasetModel();
    const file = taken(writer);
    const reader = new RdbReader(model, 'test');
    reader.push(file, 0, file.length);
    expect(reader.error).toBe(null);
    const values = model.databases.get(0)!;
    expect(values.get('timed')!.value).toMatchObject({ expiries: new Map([['field', NOW_MS + 5]]) });
    expect(values.get('plain')!.value).not.toHaveProperty('expiries');
  });

  test('loses its fields past their time when a primary loads it, and is left out when that is all of them', () => {
    const store = new Store();
    for (const key of ['mixed', 'gone']) store.put(key, 'past', 'value', NOW_MS - 1);
    store.put('mixed', 'future', 'value', NOW_MS + 1);
    const writer = new RdbWriter(ORIGIN);
    const snapshot = store.snapshots.open(writer, { slots: null, queueLimitBytes: QUEUE_LIMIT_BYTES });
    while (!snapshot.done) store.snapshots.slice(snapshot, 1_000_000);
    const file = taken(writer);
    const primary = loaded(file, NOW_MS);
    expect([...primary.store.content('mixed').keys()]).toEqual(['future']);
    expect(primary.store.find('gone')).toBe(false);
    expect(primary.loader).toMatchObject({ loaded: 1, expired: 1, expiredFields: 2 });
    const replica = loaded(file, 0);
    expect(replica.store.content('mixed').size).toBe(2);
    expect(replica.store.content('gone').size).toBe(1);
  });

  test('goes to another node as commands that give each field its time', () => {
    const store = new Store();
    store.put('key', 'timed', 'a', NOW_MS + 5);
    store.put('key', 'plain', 'b', NO_FIELD_EXPIRY);
    const writer = new CommandWriter();
    const snapshot = store.snapshots.open(writer, { slots: null, queueLimitBytes: QUEUE_LIMIT_BYTES });
    while (!snapshot.done) store.snapshots.slice(snapshot, 1_000_000);
    const bytes = taken(writer);
    const text = textOf(bytes, 0, bytes.length)
      .replaceAll(/\$\d+\r\n/g, '')
      .replaceAll('\r\n', ' ');
    expect(text).toContain(`*8 HSETEX key PXAT ${NOW_MS + 5} FIELDS 1 timed a `);
    expect(text).toContain('*4 HSET key plain b ');
  });
});
