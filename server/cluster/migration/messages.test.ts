import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BadMessage, command, establishWords, parseCommand, parseReply } from './messages.ts';

test('establish names source, job and ranges as Valkey does', () => {
  const words = establishWords('s'.repeat(40), 'j'.repeat(40), [
    { start: 0, end: 9 },
    { start: 100, end: 16383 },
  ]);
  expect(words.join(' ')).toBe(
    `CLUSTER SYNCSLOTS ESTABLISH SOURCE ${'s'.repeat(40)} NAME ${'j'.repeat(40)} SLOTSRANGE 0 9 100 16383`,
  );
});

test('a command comes back as it was, from any split', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom(...'abc-1\r\n') }), { maxLength: 6 }),
      fc.nat(),
      (words, cut) => {
        const bytes = command(words);
        const part = bytes.slice(0, cut % (bytes.length + 1));
        if (part.length < bytes.length) expect(parseCommand(part)).toBeNull();
        expect(parseCommand(bytes)).toEqual({ words, length: bytes.length });
      },
    ),
  );
});

test('what is no command is refused', () => {
  expect(() => parseCommand(new TextEncoder().encode('+OK\r\n'))).toThrow(BadMessage);
  expect(() => parseCommand(new TextEncoder().encode('*1\r\n$99999\r\n'))).toThrow(BadMessage);
});

test('a reply is a line', () => {
  expect(parseReply(new TextEncoder().encode('+OK'))).toBeNull();
  expect(parseReply(new TextEncoder().encode('-ERR no\r\nrest'))).toEqual({ text: '-ERR no', length: 9 });
});
