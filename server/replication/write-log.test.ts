import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogReader } from './write-log.ts';
import { BLOCK_BYTES, IN_TRANSACTION, NO_REPLICATION_ID, NO_SLOT, WriteLog } from './write-log.ts';

const ID = 'a'.repeat(40);
const OTHER_ID = 'b'.repeat(40);
const dropped: string[] = [];
const owner = { logReaderDropped: (reason: string) => void dropped.push(reason) };

class Text {
  text = '';
  bytes(source: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.text += String.fromCharCode(source[i]!);
  }
}

function append(log: WriteLog, database: number, slot: number, ...words: string[]): void {
  const input = Uint8Array.from(words.join(''), (character) => character.charCodeAt(0));
  const starts = new Int32Array(words.length);
  const ends = new Int32Array(words.length);
  let at = 0;
  for (const [index, word] of words.entries()) {
    starts[index] = at;
    at += word.length;
    ends[index] = at;
  }
  log.appendCommand(database, slot, input, starts, ends, words.length);
}

function readAll(log: WriteLog, reader: LogReader): string {
  const into = new Text();
  while (log.nextBytes(reader)) {
    into.bytes(reader.bytes, reader.from, reader.to);
    log.advance(reader, reader.to - reader.from);
  }
  return into.text;
}

function resp(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

test('without a reader or a backlog nothing is wanted', () => {
  const log = new WriteLog(ID);
  expect(log.active).toBe(false);
  const reader = log.attachAtEnd('replica', owner, false, 0);
  expect(log.active).toBe(true);
  log.detach(reader);
  expect(log.active).toBe(false);
  log.keepBacklog(1000);
  expect(log.active).toBe(true);
});

test('commands are framed by a SELECT whenever the database changes', () => {
  const log = new WriteLog(ID);
  const reader = log.attachAtEnd('replica', owner, false, 0);
  append(log, 0, NO_SLOT, 'set', 'k', 'v');
  append(log, 0, NO_SLOT, 'del', 'k');
  append(log, 12, NO_SLOT, 'set', 'k', '');
  expect(readAll(log, reader)).toBe(
    resp('SELECT', '0') + resp('set', 'k', 'v') + resp('del', 'k') + resp('SELECT', '12') + resp('set', 'k', ''),
  );
  expect(log.pendingBytes(reader)).toBe(0);
});

test('a transaction is wrapped in MULTI and EXEC, and leaves no trace when it changed nothing', () => {
  const log = new WriteLog(ID);
  const reader = log.attachAtEnd('replica', owner, false, 0);
  log.beginTransaction();
  append(log, 0, NO_SLOT, 'incr', 'a');
  append(log, 0, NO_SLOT, 'incr', 'b');
  log.endTransaction();
  log.beginTransaction();
  log.endTransaction();
  expect(readAll(log, reader)).toBe(
    resp('MULTI') + resp('SELECT', '0') + resp('incr', 'a') + resp('incr', 'b') + resp('EXEC'),
  );
});

test('a reader that attaches later is told the database first', () => {
  const log = new WriteLog(ID);
  log.attachAtEnd('first', owner, false, 0);
  append(log, 3, NO_SLOT, 'set', 'k', '1');
  const second = log.attachAtEnd('second', owner, false, 0);
  append(log, 3, NO_SLOT, 'set', 'k', '2');
  expect(readAll(log, second)).toBe(resp('SELECT', '3') + resp('set', 'k', '2'));
});

test('what a slow reader keeps is told apart from the backlog', () => {
  const log = new WriteLog(ID, 1000);
  log.keepBacklog(BLOCK_BYTES);
  log.attachAtEnd('slow', owner, false, 0);
  expect(log.beyondBacklogBytes).toBe(0);
  for (let i = 0; i < 8; i++) append(log, 0, NO_SLOT, 'set', 'k', 'x'.repeat(BLOCK_BYTES));
  expect(log.beyondBacklogBytes).toBeGreaterThanOrEqual(7 * BLOCK_BYTES);
  expect(log.memoryBytes - log.beyondBacklogBytes).toBe(BLOCK_BYTES);
});

test('readers of bytes and of commands see the same stream at any pace, whatever the sizes', () => {
  const command = fc.record({
    database: fc.nat(2),
    slot: fc.nat(5),
    words: fc.array(
      fc.oneof(
        fc.string({ maxLength: 20 }),
        fc.nat(BLOCK_BYTES * 2).map((length) => 'x'.repeat(length)),
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
    read: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), fc.nat(3 * BLOCK_BYTES), (commands, backlogBytes) => {
      const log = new WriteLog(ID, 1000);
      log.keepBacklog(backlogBytes);
      const bytes = log.attachAtEnd('bytes', owner, false, 0);
      const entries = log.attachAtEnd('commands', owner, true, 0);
      let expected = '';
      let database = -1;
      let received = '';
      const seen: string[] = [];
      const drain = (): void => {
        received += readAll(log, bytes);
        while (log.nextCommand(entries)) {
          const text = new Text();
          log.copyCommand(entries, text);
          seen.push(`${entries.database} ${entries.slot} ${text.text}`);
        }
      };
      for (const { database: index, slot, words, read } of commands) {
        const ascii = words.map((word) => word.replace(/[^ -~]/g, '?'));
        if (index !== database) expected += resp('SELECT', String(index));
        database = index;
        expected += resp(...ascii);
        append(log, index, slot, ...ascii);
        if (read) drain();
      }
      drain();
      expect(received === expected).toBe(true);
      expect(seen.length).toBe(commands.length);
      expect(seen.map((line) => line.replace(/^\d+ \d+ /, '')).join('')).toBe(
        expected.replace(/\*2\r\n\$6\r\nSELECT\r\n\$1\r\n\d\r\n/g, ''),
      );
      expect(seen.map((line) => line.split(' ', 2).map(Number))).toEqual(commands.map((c) => [c.database, c.slot]));
      expect(log.position).toBe(1000 + expected.length);
      const back = log.attachAt(log.start, 'late', owner, 0);
      expect(readAll(log, back) === expected.slice(log.start - 1000)).toBe(true);
    }),
    { numRuns: 25 },
  );
});

test('entries say which commands belong to a transaction', () => {
  const log = new WriteLog(ID);
  const reader = log.attachAtEnd('migration', owner, true, 0);
  append(log, 0, 7, 'set', 'a', '1');
  log.beginTransaction();
  append(log, 0, 7, 'set', 'a', '2');
  log.endTransaction();
  expect(log.nextCommand(reader) && reader.flags).toBe(0);
  expect(log.nextCommand(reader) && reader.flags).toBe(IN_TRANSACTION);
  expect(log.nextCommand(reader)).toBe(false);
});

test('a reader beyond its limit is dropped with a reason, and the others stay', () => {
  dropped.length = 0;
  const log = new WriteLog(ID);
  const slow = log.attachAtEnd('the replica 10.0.0.9:6379', owner, false, 100);
  const patient = log.attachAtEnd('patient', owner, false, 0);
  append(log, 0, NO_SLOT, 'set', 'k', 'v'.repeat(200));
  log.enforceLimits();
  expect(slow.attached).toBe(false);
  expect(patient.attached).toBe(true);
  expect(dropped).toEqual(['the replica 10.0.0.9:6379 is 251 bytes behind the write log, more than its limit of 100']);
});

test('steady appending with a backlog reuses its blocks', () => {
  const log = new WriteLog(ID);
  log.keepBacklog(4 * BLOCK_BYTES);
  for (let i = 0; i < 20000; i++) append(log, 0, NO_SLOT, 'set', `key:${i}`, 'v'.repeat(64));
  expect(log.position - log.start).toBeGreaterThanOrEqual(4 * BLOCK_BYTES);
  expect(log.memoryBytes).toBeLessThanOrEqual(7 * BLOCK_BYTES);
});

test('a replica may continue from what is retained, under this name or the previous one up to the change', () => {
  const log = new WriteLog(ID);
  log.keepBacklog(1000);
  append(log, 0, NO_SLOT, 'set', 'k', 'v');
  const { position } = log;
  expect(log.canContinueFrom(ID, position)).toBe(true);
  expect(log.canContinueFrom(ID, position + 1)).toBe(false);
  expect(log.canContinueFrom(OTHER_ID, position)).toBe(false);
  log.renameHistory(OTHER_ID);
  append(log, 0, NO_SLOT, 'set', 'k', 'w');
  expect(log.canContinueFrom(ID, position)).toBe(true);
  expect(log.canContinueFrom(ID, position + 1)).toBe(false);
  expect(log.canContinueFrom(OTHER_ID, log.position)).toBe(true);
});

test('a replica relays its primary, and after its promotion continues the history under a new name', () => {
  const log = new WriteLog(ID);
  log.beginRelaying(1000);
  log.adopt(OTHER_ID, 5000);
  expect(log.active).toBe(false);
  const ping = Uint8Array.from(resp('PING'), (character) => character.charCodeAt(0));
  log.appendRaw(ping, 0, ping.length);
  expect(log.position).toBe(5000 + ping.length);
  log.endRelaying(ID);
  expect(log.active).toBe(true);
  expect([log.id, log.previousId, log.previousIdEnd]).toEqual([ID, OTHER_ID, 5000 + ping.length]);
  const replica = log.attachAt(5000, 'sibling', owner, 0);
  append(log, 0, NO_SLOT, 'set', 'k', 'v');
  expect(readAll(log, replica)).toBe(resp('PING') + resp('SELECT', '0') + resp('set', 'k', 'v'));
});

test('when the backlog goes, nobody may continue the old history', () => {
  const log = new WriteLog(ID);
  log.keepBacklog(1000);
  append(log, 0, NO_SLOT, 'set', 'k', 'v');
  log.dropBacklog(OTHER_ID);
  expect(log.active).toBe(false);
  expect(log.canContinueFrom(ID, log.position)).toBe(false);
  expect(log.previousId).toBe(NO_REPLICATION_ID);
});

test('a transaction within which the node becomes a replica ends before the primary’s stream begins', () => {
  const log = new WriteLog(ID);
  const reader = log.attachAtEnd('replica', owner, false, 0);
  log.beginTransaction();
  append(log, 0, NO_SLOT, 'set', 'k', 'v');
  log.beginRelaying(1000);
  const { position } = log;
  log.endTransaction();
  log.beginTransaction();
  log.endTransaction();
  expect(log.position).toBe(position);
  expect(readAll(log, reader)).toBe(resp('MULTI') + resp('SELECT', '0') + resp('set', 'k', 'v') + resp('EXEC'));
});
