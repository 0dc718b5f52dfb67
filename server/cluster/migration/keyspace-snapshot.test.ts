import { expect, test } from 'vitest';
import { NO_EXPIRY } from '../../keyspace/database.ts';
import { Keyspace } from '../../keyspace/keyspace.ts';
import { slotOf } from '../../keyspace/slot.ts';
import { Arena } from '../../memory/arena.ts';
import { Snapshots } from '../../persistence/snapshot.ts';
import { defaultLimits, Types } from '../../types/index.ts';
import { KeyspaceSlotSnapshots } from './keyspace-snapshot.ts';
import { parseCommand } from './messages.ts';

const encoder = new TextEncoder();

function dataset(): {
  keyspace: Keyspace;
  source: KeyspaceSlotSnapshots;
  set: (database: number, key: string, value: string) => void;
} {
  const keyspace = new Keyspace({ databases: 2, cluster: true, seed: [1, 2], arena: new Arena() });
  const snapshots = new Snapshots(keyspace, new Types(keyspace, defaultLimits()));
  const set = (index: number, key: string, value: string): void => {
    const bytes = encoder.encode(key);
    const content = encoder.encode(value);
    keyspace.slot = slotOf(bytes, 0, bytes.length);
    const database = keyspace.databases[index]!;
    database.findForWrite(bytes, 0, bytes.length);
    database.putString(bytes, 0, bytes.length, content, 0, content.length, NO_EXPIRY);
  };
  return { keyspace, source: new KeyspaceSlotSnapshots(snapshots), set };
}

function slotOfKey(key: string): number {
  const bytes = encoder.encode(key);
  return slotOf(bytes, 0, bytes.length);
}

test('the keys of the slots are told as they were at the beginning, and no others', () => {
  const { source, set } = dataset();
  const keys = Array.from({ length: 5000 }, (_, i) => `key${i}`);
  for (const key of keys) set(0, key, `old-${key}`);
  set(1, keys[0]!, 'second');
  const ranges = [{ start: 0, end: 8191 }];
  let woken = 0;
  const snapshot = source.begin(ranges, () => woken++);
  for (const key of keys) set(0, key, `new-${key}`);
  let rest: Uint8Array = new Uint8Array(0);
  while (!snapshot.done) {
    const piece = snapshot.take();
    if (piece === null) continue;
    const joined = new Uint8Array(rest.length + piece.length);
    joined.set(rest);
    joined.set(piece, rest.length);
    rest = joined;
  }
  snapshot.close();
  const told = new Map<string, string>();
  let database = -1;
  while (rest.length > 0) {
    const { words, length } = parseCommand(rest)!;
    rest = rest.slice(length);
    if (words[0] === 'SELECT') database = Number(words[1]);
    else told.set(`${database}:${words[1]}`, words[2]!);
  }
  const wanted = keys.filter((key) => slotOfKey(key) <= 8191);
  expect(told.size).toBe(wanted.length + (slotOfKey(keys[0]!) <= 8191 ? 1 : 0));
  for (const key of wanted) expect(told.get(`0:${key}`)).toBe(`old-${key}`);
});
