import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HASH, HASH_WITH_TTL, LIST, SET, STRING, ZSET } from '../dataset.ts';
import type { ModelValue } from '../dataset-model.ts';
import { bytesOf, DatasetModel } from '../dataset-model.ts';
import { StreamModel } from '../stream-model.ts';
import { Crc64 } from './crc64.ts';
import { VERSION, VERSION_FOR_OLD_REPLICAS } from './format.ts';
import { ListpackCursor } from './listpack.ts';
import { lzfDecompress } from './lzf.ts';
import { RdbReader } from './rdb-reader.ts';
import { RdbWriter } from './rdb-writer.ts';

const origin = { version: VERSION, serverVersion: '9.1.2', createdAtSeconds: 1, usedMemoryBytes: 2, replication: null };

function written(model: DatasetModel, version = VERSION): Uint8Array {
  const writer = new RdbWriter({ ...origin, version });
  model.tell(writer);
  const parts: Uint8Array[] = [];
  for (let chunk = writer.out.take(true); chunk !== null; chunk = writer.out.take(true)) {
    parts.push(chunk.bytes.slice(0, chunk.length));
    writer.out.release(chunk);
  }
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function read(bytes: Uint8Array, pieceBytes = bytes.length): { reader: RdbReader; model: DatasetModel } {
  const model = new DatasetModel();
  const reader = new RdbReader(model, 'dump.rdb');
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    reader.push(bytes, at, Math.min(bytes.length, at + pieceBytes));
  }
  reader.finish();
  return { reader, model };
}

const bytes = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 80,
});
const word = fc.oneof(
  bytes,
  fc.integer().map(String),
  fc.constantFrom('0', '-0', '007', '-1', '128', '-32769', '2147483648'),
);
const value: fc.Arbitrary<ModelValue> = fc.oneof(
  word.map((text): ModelValue => ({ type: STRING, value: text })),
  fc.array(word, { minLength: 1 }).map((items): ModelValue => ({ type: LIST, items })),
  fc.array(word, { minLength: 1 }).map((members): ModelValue => ({ type: SET, members: new Set(members) })),
  fc
    .array(fc.tuple(word, fc.double({ noNaN: true })), { minLength: 1 })
    .map((scores): ModelValue => ({ type: ZSET, scores: new Map(scores) })),
  fc
    .array(fc.tuple(word, word), { minLength: 1 })
    .map((fields): ModelValue => ({ type: HASH, fields: new Map(fields) })),
  fc
    .array(fc.tuple(word, word, fc.option(fc.integer({ min: 1, max: 2 ** 45 }))), { minLength: 1 })
    .map((fields): ModelValue => {
      const expiries = new Map<string, number>();
      for (const [name, , expireAtMs] of fields) {
        if (expireAtMs === null) expiries.delete(name);
        else expiries.set(name, expireAtMs);
      }
      return { type: HASH_WITH_TTL, fields: new Map(fields.map(([name, content]) => [name, content])), expiries };
    }),
);
const dataset = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 15 }), word, value, fc.option(fc.integer({ min: 0, max: 2 ** 50 }))))
  .map((keys) => {
    const model = new DatasetModel();
    for (const [database, key, content, expireAtMs] of keys) model.set(database, key, content, expireAtMs ?? -1);
    return model;
  });

describe('an RDB file', () => {
  test('read back in pieces of any size is the dataset that was written', () => {
    fc.assert(
      fc.property(
        dataset,
        fc.integer({ min: 1, max: 200 }),
        fc.constantFrom(VERSION, VERSION_FOR_OLD_REPLICAS),
        (model, pieceBytes, version) => {
          const { reader, model: copy } = read(written(model, version), pieceBytes);
          expect(reader.error).toBeNull();
          expect(reader.done).toBe(true);
          expect(copy.ended).toBe(true);
          expect(reader.version).toBe(version);
          expect(copy.databases).toEqual(model.databases);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('carries where its dataset stands in the replication stream', () => {
    const writer = new RdbWriter({ ...origin, replication: { id: 'a'.repeat(40), offset: 12345, streamDatabase: 3 } });
    writer.end();
    const chunk = writer.out.take(true)!;
    const { model } = read(chunk.bytes.slice(0, chunk.length));
    expect(model.auxiliary.get('repl-id')).toBe('a'.repeat(40));
    expect(model.auxiliary.get('repl-offset')).toBe('12345');
    expect(model.auxiliary.get('repl-stream-db')).toBe('3');
    expect(model.auxiliary.get('valkey-ver')).toBe('9.1.2');
  });

  test('that was cut short is refused wherever it was cut', () => {
    const whole = written(new DatasetModel().set(0, 'key', { type: LIST, items: ['a', 'b', 'c'.repeat(70)] }));
    for (let length = 1; length < whole.length; length++) {
      const { reader, model } = read(whole.subarray(0, length));
      expect(reader.done).toBe(false);
      expect(reader.error).toContain('in the middle');
      expect(model.ended).toBe(false);
    }
  });

  test('with any byte changed is refused, and the refusal says what to do', () => {
    const whole = written(
      new DatasetModel()
        .set(0, 'string', { type: STRING, value: 'hello world' })
        .set(2, 'zset', { type: ZSET, scores: new Map([['member', 1.5]]) }, 1234),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = whole.slice();
        damaged[at] = damaged[at]! ^ flip;
        const { reader } = read(damaged, 7);
        expect(reader.done).toBe(false);
        expect(reader.error).toMatch(/^dump\.rdb: .*(: restore|: export|: load|: remove|comes twice)/);
      }),
      { numRuns: 2000 },
    );
  });

  test('of random bytes never hangs or crashes, behind a good header too', () => {
    const header = bytesOf('VALKEY080');
    const opcodes = fc.constantFrom(
      0,
      1,
      2,
      3,
      4,
      5,
      7,
      11,
      16,
      17,
      18,
      20,
      22,
      243,
      244,
      245,
      247,
      248,
      250,
      251,
      252,
      254,
      255,
    );
    const noise = fc.array(
      fc.oneof(fc.integer({ min: 0, max: 255 }), opcodes, fc.constantFrom(0x80, 0x81, 0xc3, 0xc0)),
      {
        maxLength: 300,
      },
    );
    fc.assert(
      fc.property(noise, fc.integer({ min: 1, max: 40 }), (content, pieceBytes) => {
        const { reader } = read(Uint8Array.from([...header, 254, 0, ...content]), pieceBytes);
        expect(reader.done || reader.error !== null).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test('of a foreign or newer version is refused by name', () => {
    expect(read(bytesOf('REDIS0012')).reader.error).toContain('Redis 7.4 or later');
    expect(read(bytesOf('VALKEY081')).reader.error).toContain('newer than 80');
    expect(read(bytesOf('REDIS0080')).reader.error).toContain('has the magic REDIS0080');
    expect(read(bytesOf('ELF binary')).reader.error).toContain('neither REDIS nor VALKEY');
  });

  test('that holds a format of old is refused by naming the key and the type', () => {
    const { reader } = read(Uint8Array.from([...bytesOf('VALKEY080'), 254, 0, 10, 3, ...bytesOf('log')]));
    expect(reader.error).toContain('holds a list in the ziplist encoding of Redis 2.6 (RDB type 10) at the key "log"');
  });

  test('whose listener refuses is not read further', () => {
    const model = new DatasetModel();
    const reader = new RdbReader(model, 'dump.rdb');
    const twice = Uint8Array.from([...bytesOf('VALKEY080'), 254, 0, 0, 1, 97, 1, 98, 0, 1, 97, 1, 98, 0, 1, 99, 1, 98]);
    reader.push(twice, 0, twice.length);
    expect(reader.error).toBe('dump.rdb: the key a comes twice');
    expect(reader.keys).toBe(2);
  });

  test('keeps memory bounded by its largest element, not by its length', () => {
    const model = new DatasetModel();
    const reader = new RdbReader(model, 'dump.rdb');
    const writer = new RdbWriter(origin);
    writer.database(0);
    for (let i = 0; i < 3000; i++) {
      new DatasetModel().set(0, `key${i}`, { type: STRING, value: 'v'.repeat(1000) }).tell({
        ...silent(),
        beginKey: (head) => writer.beginKey(head),
        stringValue: (content, from, to) => writer.stringValue(content, from, to),
      });
      for (let chunk = writer.out.take(false); chunk !== null; chunk = writer.out.take(false)) {
        reader.push(chunk.bytes, 0, chunk.length);
        writer.out.release(chunk);
      }
    }
    expect(reader.error).toBeNull();
    expect(reader.keys).toBeGreaterThan(2900);
    expect(reader.bufferBytes).toBe(256 * 1024);
  });
});

function silent() {
  return {
    refusal: null,
    stream: new StreamModel(),
    aux: () => {},
    functionLibrary: () => {},
    slotImport: () => {},
    database: () => {},
    sizeHint: () => {},
    beginKey: () => {},
    stringValue: () => {},
    listItem: () => {},
    setMember: () => {},
    zsetMember: () => {},
    hashField: () => {},
    endKey: () => {},
    end: () => {},
  };
}

test('the checksum is Jones CRC-64, in pieces of any size', () => {
  const checksum = new Crc64();
  checksum.update(bytesOf('123456789'), 0, 9);
  expect(checksum.hex()).toBe('e9c6d914c4b8d9ca');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (content, cut) => {
      const whole = new Crc64();
      whole.update(content, 0, content.length);
      const parts = new Crc64();
      const at = Math.min(cut, content.length);
      parts.update(content, 0, at);
      parts.update(content, at, content.length);
      expect(parts.hex()).toBe(whole.hex());
    }),
  );
});

test('LZF input of any bytes ends within the given output', () => {
  const output = new Uint8Array(256);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (input) => {
      expect(lzfDecompress(input, 0, input.length, output, 200)).toBeLessThanOrEqual(200);
    }),
  );
});

test('a listpack of any bytes ends within its range', () => {
  const cursor = new ListpackCursor();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 80 }), (content) => {
      content.set([content.length, 0, 0, 0, 255, 255]);
      content[content.length - 1] = 255;
      cursor.open(content, 0, content.length);
      while (cursor.next()) expect(cursor.to).toBeLessThanOrEqual(cursor.bytes.length);
    }),
    { numRuns: 2000 },
  );
});
