/**
 * Glob patterns over bytes: `*`, `?`, `[a-c]`, `[^x]` and `\` escapes, as KEYS, PSUBSCRIBE and CONFIG GET use them.
 * Source: Valkey 9.1 util.c stringmatchlen. Linear in practice; what follows MAX_STARS stars matches nothing, as there.
 */
/** In place of an element, at the end of the pattern. */
const END = -1;
/** Valkey's recursion ends here. */
const MAX_STARS = 1000;

export function globMatch(
  pattern: Uint8Array,
  patternStart: number,
  patternEnd: number,
  text: Uint8Array,
  textStart: number,
  textEnd: number,
  ignoreCase = false,
): boolean {
  let p = patternStart;
  let t = textStart;
  let starPattern = -1;
  let starText = -1;
  let stars = 0;
  while (t < textEnd) {
    if (p < patternEnd && pattern[p] === 42) {
      if ((p === patternStart || pattern[p - 1] !== 42) && ++stars > MAX_STARS) return false;
      starPattern = ++p;
      starText = t;
      if (p === patternEnd) return true;
      continue;
    }
    const element = p < patternEnd ? pattern[p]! : END;
    const byte = text[t]!;
    // The common case without a call: a byte that stands for itself.
    const isPlain = element !== 63 && element !== 91 && element !== 92 && !ignoreCase;
    if (isPlain && element === byte) {
      p++;
      t++;
      continue;
    }
    const next = isPlain || element === END ? -1 : matchOne(pattern, p, patternEnd, byte, ignoreCase);
    if (next >= 0) {
      p = next;
      t++;
      continue;
    }
    if (starPattern < 0) return false;
    p = starPattern;
    t = ++starText;
  }
  while (p < patternEnd && pattern[p] === 42) p++;
  return p === patternEnd;
}

/** Position after the pattern element at `p` when it matches the byte, -1 when it does not. */
function matchOne(pattern: Uint8Array, p: number, end: number, byte: number, ignoreCase: boolean): number {
  const element = pattern[p]!;
  if (element === 63) return p + 1;
  if (element === 91) return matchClass(pattern, p + 1, end, byte, ignoreCase);
  if (element === 92 && p + 1 < end) return same(pattern[p + 1]!, byte, ignoreCase) ? p + 2 : -1;
  return same(element, byte, ignoreCase) ? p + 1 : -1;
}

function matchClass(pattern: Uint8Array, p: number, end: number, byte: number, ignoreCase: boolean): number {
  const negated = p < end && pattern[p] === 94;
  if (negated) p++;
  let matched = false;
  for (; p < end && pattern[p] !== 93; p++) {
    if (pattern[p] === 92 && p + 1 < end) {
      p++;
      if (same(pattern[p]!, byte, ignoreCase)) matched = true;
    } else if (p + 2 < end && pattern[p + 1] === 45) {
      const low = fold(Math.min(pattern[p]!, pattern[p + 2]!), ignoreCase);
      const high = fold(Math.max(pattern[p]!, pattern[p + 2]!), ignoreCase);
      const folded = fold(byte, ignoreCase);
      if (folded >= low && folded <= high) matched = true;
      p += 2;
    } else if (same(pattern[p]!, byte, ignoreCase)) matched = true;
  }
  return matched !== negated ? Math.min(p + 1, end) : -1;
}

function fold(byte: number, ignoreCase: boolean): number {
  return ignoreCase && byte >= 65 && byte <= 90 ? byte | 32 : byte;
}

function same(a: number, b: number, ignoreCase: boolean): boolean {
  return a === b || (ignoreCase && fold(a, true) === fold(b, true));
}
