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

export const exemptions: readonly Exemption[] = [
  {
    file: 'unit/type/zset',
    test: /^ZSET resize test - /,
    category: 'C internals',
    reason:
      "counts the buckets of the C hash table and the steps of its rehashing by DEBUG HTSTATS-KEY; ours doesn't rehash",
  },
];

export function exemptionOf(file: string, test: string): Exemption | null {
  const matches = (one: Exemption): boolean =>
    one.file === file && (typeof one.test === 'string' ? one.test === test : one.test.test(test));
  return exemptions.find(matches) ?? null;
}
