import fc from 'fast-check';
import { expect, test } from 'vitest';
import { request } from '../testing/test-node.ts';
import { LOOK_AHEAD_KEYS, LookAhead } from './look-ahead.ts';
import { RequestParser } from './parser.ts';

const word = fc.string({ maxLength: 30, unit: 'binary-ascii' });
const requests = fc.array(fc.array(word, { minLength: 1, maxLength: 5 }), { maxLength: 40 });

function bytesOf(commands: readonly (readonly string[])[]): Uint8Array {
  return Uint8Array.from(commands.flatMap((parts) => [...request(...parts)]));
}

test('looking ahead sees the second argument of each whole request, as the parser does', () => {
  fc.assert(
    fc.property(requests, fc.nat(), (commands, cut) => {
      const whole = bytesOf(commands);
      const end = whole.length - (cut % (whole.length + 1));
      const lookAhead = new LookAhead();
      const stopped = lookAhead.scan(whole, 0, end);
      const parser = new RequestParser({ maxBulkBytes: 1024 });
      const keys: string[] = [];
      let at = 0;
      while (keys.length < LOOK_AHEAD_KEYS) {
        const next = parser.parse(whole, at, end, true);
        if (next < 0) break;
        const { count, starts, ends } = parser.request;
        if (count > 1) keys.push(`${starts[1]}-${ends[1]}`);
        at = next;
      }
      expect(stopped).toBe(at);
      expect(Array.from({ length: lookAhead.count }, (_, i) => `${lookAhead.starts[i]}-${lookAhead.ends[i]}`)).toEqual(
        keys,
      );
    }),
  );
});

test('looking ahead at arbitrary bytes ends, and stays within them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, from) => {
      const lookAhead = new LookAhead();
      const start = from % (bytes.length + 1);
      const stopped = lookAhead.scan(bytes, start, bytes.length);
      expect(stopped).toBeGreaterThanOrEqual(start);
      expect(stopped).toBeLessThanOrEqual(bytes.length);
      for (let i = 0; i < lookAhead.count; i++) expect(lookAhead.ends[i]).toBeLessThanOrEqual(bytes.length);
    }),
  );
});
