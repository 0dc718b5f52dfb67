import { expect, test } from 'vitest';
import { Arguments } from '../../protocol/arguments.ts';
import { WriteLog } from '../../replication/write-log.ts';
import { LogSlotWriteSource } from './log-writes.ts';
import { command, parseCommand } from './messages.ts';

function append(log: WriteLog, database: number, slot: number, ...words: string[]): void {
  const { bytes, starts, ends, count } = Arguments.of(...words);
  log.appendCommand(database, slot, bytes, starts, ends, count);
}

function words(bytes: Uint8Array | null): string[] {
  const all: string[] = [];
  for (let rest = bytes ?? new Uint8Array(0); rest.length > 0; ) {
    const next = parseCommand(rest)!;
    all.push(next.words.join(' '));
    rest = rest.slice(next.length);
  }
  return all;
}

test('only writes to the slots leave, from the moment on, with the database before them and without transactions', () => {
  const log = new WriteLog('a'.repeat(40));
  log.keepBacklog(1 << 20);
  append(log, 0, 1, 'SET', 'early', '1');
  const writes = new LogSlotWriteSource(log).follow([{ start: 1, end: 2 }], 0);
  append(log, 0, 1, 'SET', 'a', '1');
  append(log, 0, 9, 'SET', 'other', '1');
  log.beginTransaction();
  append(log, 3, 2, 'SET', 'b', '2');
  append(log, 3, -1, 'FUNCTION', 'DELETE', 'x');
  log.endTransaction();
  append(log, 0, 2, 'DEL', 'b');
  expect(writes.pendingBytes).toBeGreaterThan(0);
  expect(words(writes.take(1 << 20))).toEqual(['SELECT 0', 'SET a 1', 'SELECT 3', 'SET b 2', 'SELECT 0', 'DEL b']);
  expect(writes.take(1 << 20)).toBeNull();
  expect(writes.pendingBytes).toBe(0);
  append(log, 0, 1, 'SET', 'c', '3');
  expect(words(writes.take(1 << 20))).toEqual(['SET c 3']);
  writes.close();
  append(log, 0, 1, 'SET', 'd', '4');
  expect(writes.take(1 << 20)).toBeNull();
});

test('a piece ends after the command that fills it', () => {
  const log = new WriteLog('a'.repeat(40));
  const writes = new LogSlotWriteSource(log).follow([{ start: 0, end: 16383 }], 0);
  for (let i = 0; i < 100; i++) append(log, 0, i, 'SET', `key${i}`, 'x'.repeat(50));
  const first = words(writes.take(1000));
  expect(first.length).toBeLessThan(20);
  const rest = words(writes.take(1 << 20));
  expect(first.length - 1 + rest.length).toBe(100);
  expect(rest.at(-1)).toContain('key99');
});

test('writes that nobody takes are dropped at the limit, with a reason', () => {
  const log = new WriteLog('a'.repeat(40));
  const writes = new LogSlotWriteSource(log).follow([{ start: 0, end: 10 }], 100_000);
  for (let i = 0; i < 300; i++) append(log, 0, 1, 'SET', 'k', 'x'.repeat(1000));
  expect(writes.failure).toMatch(/^slot migration is \d+ bytes behind the write log, more than its limit of 100000$/);
  expect(writes.take(1 << 20)).toBeNull();
  expect(command(['SELECT', '0']).length).toBe(23);
});
