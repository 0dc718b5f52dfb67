import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestHex } from './digest.ts';
import { Sha1 } from './sha1.ts';

test('SHA-1 agrees with another implementation for every length around a block', () => {
  const sha1 = new Sha1();
  const digest = new Uint8Array(20);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (content) => {
      sha1.digest(content, 0, content.length, digest, 0);
      expect(digestHex(digest)).toBe(createHash('sha1').update(content).digest('hex'));
    }),
    { numRuns: 500 },
  );
});
