/**
 * What the two ends of a migration send each other: commands in RESP, and one reply a step during the handshake.
 */
import { latin1 } from '../../protocol/numbers.ts';
import type { SlotRange } from '../slot-map.ts';

/** A target sends small messages only: more than this without a whole one is no target. */
export const MAX_MESSAGE_BYTES = 4096;

export class BadMessage extends Error {}

export function command(words: readonly string[]): Uint8Array {
  return new TextEncoder().encode(
    `*${words.length}\r\n${words.map((word) => `$${new TextEncoder().encode(word).length}\r\n${word}\r\n`).join('')}`,
  );
}

export function syncSlots(...words: readonly string[]): Uint8Array {
  return command(['CLUSTER', 'SYNCSLOTS', ...words]);
}

export function establishWords(source: string, job: string, ranges: readonly SlotRange[]): string[] {
  return [
    'CLUSTER',
    'SYNCSLOTS',
    'ESTABLISH',
    'SOURCE',
    source,
    'NAME',
    job,
    'SLOTSRANGE',
    ...ranges.flatMap(({ start, end }) => [`${start}`, `${end}`]),
  ];
}

/** A reply line (`+OK`, `-ERR …`) at the start of the bytes; null while it is not whole. */
export function parseReply(bytes: Uint8Array): { readonly text: string; readonly length: number } | null {
  const end = lineEnd(bytes, 0);
  return end < 0 ? null : { text: latin1(bytes, 0, end), length: end + 2 };
}

/** A command at the start of the bytes; null while it is not whole. Throws BadMessage for anything else. */
export function parseCommand(bytes: Uint8Array): { readonly words: readonly string[]; readonly length: number } | null {
  let at = 0;
  const number = (type: number): number | null => {
    if (at < bytes.length && bytes[at] !== type) throw new BadMessage(`a message begins with the byte ${bytes[at]}`);
    const end = lineEnd(bytes, at);
    if (end < 0) return null;
    const value = Number(latin1(bytes, at + 1, end));
    if (!Number.isInteger(value) || value < 0 || value > MAX_MESSAGE_BYTES)
      throw new BadMessage(`a message has the length "${latin1(bytes, at + 1, end)}"`);
    at = end + 2;
    return value;
  };
  const count = number(42);
  if (count === null) return null;
  const words: string[] = [];
  for (let i = 0; i < count; i++) {
    const length = number(36);
    if (length === null || bytes.length < at + length + 2) return null;
    words.push(latin1(bytes, at, at + length));
    at += length + 2;
  }
  return { words, length: at };
}

function lineEnd(bytes: Uint8Array, from: number): number {
  for (let i = from; i + 1 < bytes.length; i++) if (bytes[i] === 13 && bytes[i + 1] === 10) return i;
  return -1;
}
