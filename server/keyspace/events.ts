/**
 * Kinds of keyspace events: what `notify-keyspace-events` selects. One table; the directive, the commands and the keyspace read it.
 * Source: Valkey 9.1 notify.c and the keyspace notifications documentation.
 */
export const EVENT_KEYSPACE = 1 << 0;
export const EVENT_KEYEVENT = 1 << 1;
export const EVENT_GENERIC = 1 << 2;
export const EVENT_STRING = 1 << 3;
export const EVENT_LIST = 1 << 4;
export const EVENT_SET = 1 << 5;
export const EVENT_HASH = 1 << 6;
export const EVENT_ZSET = 1 << 7;
export const EVENT_EXPIRED = 1 << 8;
export const EVENT_EVICTED = 1 << 9;
export const EVENT_STREAM = 1 << 10;
/** A key looked for and not there. Not among `A`. */
export const EVENT_MISS = 1 << 11;
export const EVENT_MODULE = 1 << 12;
/** A key added to the keyspace. Not among `A`. */
export const EVENT_NEW = 1 << 13;

const LETTERS: readonly (readonly [string, number])[] = [
  ['g', EVENT_GENERIC],
  ['$', EVENT_STRING],
  ['l', EVENT_LIST],
  ['s', EVENT_SET],
  ['h', EVENT_HASH],
  ['z', EVENT_ZSET],
  ['x', EVENT_EXPIRED],
  ['e', EVENT_EVICTED],
  ['t', EVENT_STREAM],
  ['d', EVENT_MODULE],
];
const OUTSIDE_ALL: readonly (readonly [string, number])[] = [
  ['K', EVENT_KEYSPACE],
  ['E', EVENT_KEYEVENT],
  ['m', EVENT_MISS],
  ['n', EVENT_NEW],
];
const ALL = LETTERS.reduce((mask, [, bit]) => mask | bit, 0);

/** The mask of a list of letters; null when one is unknown. */
export function eventMask(letters: string): number | null {
  let mask = 0;
  for (const letter of letters) {
    const bit = letter === 'A' ? ALL : [...LETTERS, ...OUTSIDE_ALL].find(([known]) => known === letter)?.[1];
    if (bit === undefined) return null;
    mask |= bit;
  }
  return mask;
}

/** The letters of a mask, as CONFIG GET shows them. */
export function eventLetters(mask: number): string {
  const kinds =
    (mask & ALL) === ALL
      ? 'A'
      : LETTERS.filter(([, bit]) => (mask & bit) !== 0)
          .map(([letter]) => letter)
          .join('');
  return (
    kinds +
    OUTSIDE_ALL.filter(([, bit]) => (mask & bit) !== 0)
      .map(([letter]) => letter)
      .join('')
  );
}
