/**
 * Tests that do not count, because they ask for what a node that is not written in C, or has no modules, cannot have.
 * Only these categories are allowed; whatever else fails is a known failure with its reason, or a failure.
 */

export type Category = 'C internals' | 'modules' | 'log lines of C source' | 'sentinel';

export interface Exemption {
  readonly file: string;
  /** The test's name, or what it matches. */
  readonly test: string | RegExp;
  readonly category: Category;
  readonly reason: string;
}

function of(
  category: Category,
  file: string,
  reason: string,
  ...tests: readonly (string | RegExp)[]
): readonly Exemption[] {
  return tests.map((test) => ({ file, test, category, reason }));
}

const HASH_TABLE = 'reads how the C hash table is resized and rehashed (DEBUG HTSTATS, INFO); ours does not rehash';

export const exemptions: readonly Exemption[] = [
  ...of(
    'C internals',
    'unit/other',
    HASH_TABLE,
    "Don't rehash if server has child process",
    'Server can trigger resizing',
    'Server can rewind and trigger smaller slot resizing',
    'Server can resize empty dict',
  ),
  ...of('C internals', 'unit/maxmemory', HASH_TABLE, "Don't rehash if used memory exceeds maxmemory after rehash"),
  ...of(
    'C internals',
    'unit/expire',
    HASH_TABLE,
    'Active expiration triggers hashtable shrink',
    "expire scan should skip dictionaries with lot's of empty buckets",
  ),
  ...of(
    'C internals',
    'unit/wait',
    'makes the primary’s client be freed later than it is closed (DEBUG FORCE-FREE-PRIMARY-ASYNC); ours is not freed by hand',
    'Repoint replica with deferred freeClient does not double-connect',
  ),
  ...of(
    'log lines of C source',
    'unit/aofrw',
    'looks for "Killing AOF child" in the log: there is no child; that the rewrite ends is a test of ours',
    'Turning off AOF kills the background writing child if any',
  ),
  ...of('C internals', 'unit/info', HASH_TABLE, 'memory: database and pubsub overhead and rehashing dict count'),
  ...of('C internals', 'unit/type/zset', HASH_TABLE, /^ZSET resize test - /),
  ...of(
    'C internals',
    'unit/sort',
    'reads the compression of quicklist nodes',
    'SORT STORE quicklist with the right options',
  ),
  ...of(
    'C internals',
    'unit/replybufsize',
    "reads the allocation of a client's static reply buffer",
    'verify reply buffer limits',
  ),
];

export function exemptionOf(file: string, test: string): Exemption | null {
  const matches = (one: Exemption): boolean =>
    one.file === file && (typeof one.test === 'string' ? one.test === test : one.test.test(test));
  return exemptions.find(matches) ?? null;
}
