import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SnapshotTransfer } from './transfer.ts';

const MARK = 'abcdefghij'.repeat(4);

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Pushes the text in pieces of the given sizes, in turn; what was cut out, and what is left for the stream. */
function cut(text: string, pieces: readonly number[]): { snapshot: string; rest: string; transfer: SnapshotTransfer } {
  const transfer = new SnapshotTransfer();
  const bytes = bytesOf(text);
  let snapshot = '';
  const sink = {
    snapshotBytes: (part: Uint8Array, from: number, to: number) => {
      for (let i = from; i < to; i++) snapshot += String.fromCharCode(part[i]!);
    },
  };
  let at = 0;
  for (let i = 0; at < bytes.length && !transfer.done && transfer.failure === ''; i++) {
    const to = Math.min(bytes.length, at + pieces[i % pieces.length]!);
    // As a socket does it: each piece is a buffer of its own.
    const piece = bytes.slice(at, to);
    const taken = transfer.push(piece, 0, piece.length, sink);
    if (taken < piece.length) return { snapshot, rest: text.slice(at + taken), transfer };
    at = to;
  }
  return { snapshot, rest: text.slice(at), transfer };
}

const content = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', 'j', '\n', '$', '\0', 'ÿ'), maxLength: 300 });
const pieces = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 5 });

test('a snapshot between end marks is cut out at any split, whatever follows', () => {
  fc.assert(
    fc.property(content, fc.string({ maxLength: 60 }), pieces, fc.nat(40), (body, after, sizes, repeated) => {
      // The body may end with the beginning of the mark.
      const inner = body + MARK.slice(0, repeated % 40);
      const stream = after.replace(/[^\x20-\x7e]/g, '.');
      const { snapshot, rest, transfer } = cut(`\n\n$EOF:${MARK}\r\n${inner}${MARK}${stream}`, sizes);
      const end = `${inner}${MARK}`.indexOf(MARK);
      expect(transfer.done).toBe(true);
      expect(snapshot).toBe(inner.slice(0, end));
      expect(rest).toBe(`${inner}${MARK}${stream}`.slice(end + MARK.length));
    }),
    { numRuns: 500 },
  );
});

test('a snapshot of a known length is cut out at any split', () => {
  fc.assert(
    fc.property(content, pieces, (body, sizes) => {
      const { snapshot, rest, transfer } = cut(`$${body.length}\r\n${body}*1\r\n`, sizes);
      expect(transfer.done).toBe(true);
      expect([snapshot, rest]).toEqual([body, '*1\r\n']);
    }),
  );
});

test('without its end mark a snapshot is not done', () => {
  const { transfer } = cut(`$EOF:${MARK}\r\nsome bytes ${MARK.slice(0, 39)}`, [7]);
  expect(transfer.done).toBe(false);
  expect(transfer.failure).toBe('');
});

test('anything but a length is a failure that shows what came', () => {
  expect(cut('-ERR no\r\n', [3]).transfer.failure).toBe('expected the length of a snapshot, got "-ERR no"');
  expect(cut('x'.repeat(100), [100]).transfer.failure).toContain('expected the length of a snapshot');
});
