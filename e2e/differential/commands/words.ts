/** Building blocks of random commands: words are latin-1 text, so that every byte string can be one. */
import fc from 'fast-check';

export type Words = readonly string[];
export type AnyWords = fc.Arbitrary<Words>;

/** A part of a command: fixed words, or chance. */
export type Part = string | fc.Arbitrary<string> | AnyWords;

/** The parts one after another. */
export function seq(...parts: readonly Part[]): AnyWords {
  const arbitraries = parts.map((part) => (typeof part === 'string' ? fc.constant<string | Words>(part) : part));
  return fc.tuple(...(arbitraries as fc.Arbitrary<string | Words>[])).map((pieces) => pieces.flat() as Words);
}

/** The parts, or nothing. */
export function maybe(...parts: readonly Part[]): AnyWords {
  return fc.oneof({ weight: 2, arbitrary: fc.constant<Words>([]) }, { weight: 1, arbitrary: seq(...parts) });
}

export function oneOf(...words: readonly string[]): fc.Arbitrary<string> {
  return fc.constantFrom(...words);
}

/** The parts, from `least` to `most` times. */
export function times(least: number, most: number, ...parts: readonly Part[]): AnyWords {
  return fc.array(seq(...parts), { minLength: least, maxLength: most }).map((lists) => lists.flat());
}

/** As `times`, with the count before them: `numkeys key …`. */
export function counted(least: number, most: number, ...parts: readonly Part[]): AnyWords {
  return fc
    .array(seq(...parts), { minLength: least, maxLength: most })
    .map((lists) => [String(lists.length), ...lists.flat()]);
}

const KINDS = ['string', 'counter', 'hash', 'list', 'set', 'zset', 'stream', 'bits', 'hll', 'geo'] as const;
export type Kind = (typeof KINDS)[number];

/** Few keys, so that commands meet; now and then one of another kind, for the errors. */
export function key(kind: Kind): fc.Arbitrary<string> {
  const own = fc.integer({ min: 0, max: 2 }).map((n) => `${kind}:${n}`);
  const other = fc.tuple(fc.constantFrom(...KINDS), fc.integer({ min: 0, max: 2 })).map(([k, n]) => `${k}:${n}`);
  return fc.oneof({ weight: 20, arbitrary: own }, { weight: 1, arbitrary: other });
}

export const anyKey: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom(...KINDS), fc.integer({ min: 0, max: 2 }))
  .map(([kind, n]) => `${kind}:${n}`);

const binary: fc.Arbitrary<string> = fc.uint8Array({ maxLength: 12 }).map((bytes) => String.fromCharCode(...bytes));

export const integer: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -20, max: 20 }).map(String) },
  { weight: 1, arbitrary: fc.integer().map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '9223372036854775807',
      '-9223372036854775808',
      '9223372036854775808',
      '0x10',
      '1.0',
      ' 1',
      '',
    ),
  },
);

export const small: fc.Arbitrary<string> = fc.integer({ min: 0, max: 12 }).map(String);
export const index: fc.Arbitrary<string> = fc.integer({ min: -8, max: 8 }).map(String);

export const float: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -80, max: 80 }).map((n) => String(n / 8)) },
  { weight: 2, arbitrary: fc.integer({ min: -5, max: 5 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('inf', '-inf', '+inf', 'nan', '1e300', '-0', '1e-7', '3.0e2', 'abc', '') },
);

/** Values of every shape: numbers, short and long text, any bytes. */
export const value: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: integer },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 30 }).map((n) => `value:${n}`) },
  { weight: 2, arbitrary: binary },
  { weight: 1, arbitrary: float },
  { weight: 1, arbitrary: fc.integer({ min: 30, max: 300 }).map((n) => 'long'.repeat(n)) },
);

/** Fields, members and items: few, so that they meet. */
export const member: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 8 }).map((n) => `m${n}`) },
  { weight: 3, arbitrary: fc.integer({ min: -3, max: 9 }).map(String) },
  { weight: 1, arbitrary: value },
);

/** The frozen clock begins here (Unix milliseconds); moves add up to less than a day. */
export const START_MS = Date.UTC(2026, 5, 1, 12, 0, 0);

/** Milliseconds from now: short, so that moves of the clock meet them. */
export const ttlMs: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 20 }).map((n) => n * 500) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0, 100_000_000, 2 ** 52) },
);
export const ttlSeconds: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 10 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('-1', '0', '100000', '9223372036854775807', 'x') },
);
export const ttlMillis: fc.Arbitrary<string> = ttlMs.map(String);
export const atMillis: fc.Arbitrary<string> = ttlMs.map((ms) => String(START_MS + ms));
export const atSeconds: fc.Arbitrary<string> = ttlMs.map((ms) => String(Math.floor((START_MS + ms) / 1000)));

/** `EX seconds`, `PXAT time` … */
export const expiry: AnyWords = fc.oneof(
  seq('EX', ttlSeconds),
  seq('PX', ttlMillis),
  seq('EXAT', atSeconds),
  seq('PXAT', atMillis),
);

export const pattern: fc.Arbitrary<string> = fc.constantFrom('*', 'm*', '*1', 'm?', '[m]1', '*:*', 'nosuch', 'value*');
