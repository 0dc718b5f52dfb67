/**
 * Sums of decimal numbers with the 64-bit mantissa of x86's long double, printed with 17 decimals: what INCRBYFLOAT and HINCRBYFLOAT
 * compute with. A number is `mantissa × 2^exponent`, its mantissa below 2^64. Not for the hot path: BigInt.
 * Source: Valkey 9.1 object.c getLongDoubleFromObject, util.c ld2string (LD_STR_HUMAN).
 */
export interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
const ROOM = 2n ** 64n;
/** Beyond 2^16384 there is infinity; below 2^-16445 nothing is left. */
const MAX_EXPONENT = 16384;
const MIN_EXPONENT = -16445;
/** Longer texts are no numbers to Valkey, whose buffer they do not fit. */
const MAX_TEXT = 5 * 1024;
const DECIMALS = 17;

const FORM = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d{1,6}))?$/;
const HEX_FORM = /^([+-]?)0[xX]([0-9a-fA-F]+)$/;

/** The number written in a text; `infinite` for one of those; null for what is none or out of range. */
export function parseLongDouble(text: string): LongDouble | 'infinite' | null {
  if (text.length === 0 || text.length > MAX_TEXT) return null;
  if (/^[+-]?(inf|infinity)$/i.test(text)) return 'infinite';
  const hex = HEX_FORM.exec(text);
  if (hex !== null) return rounded(hex[1] === '-' ? -BigInt(`0x${hex[2]}`) : BigInt(`0x${hex[2]}`), 0);
  const form = FORM.exec(text);
  if (form === null) return null;
  const whole = form[2] ?? '';
  const fraction = form[3] ?? form[4] ?? '';
  const digits = BigInt(whole + fraction) * (form[1] === '-' ? -1n : 1n);
  const power = Number(form[5] ?? 0) - fraction.length;
  if (digits === 0n) return { mantissa: 0n, exponent: 0 };
  if (power + (whole + fraction).length > 5000 || power < -10000) return null;
  const number = power >= 0 ? rounded(digits * 10n ** BigInt(power), 0) : quotient(digits, 10n ** BigInt(-power));
  if (number === null || number.mantissa === 0n) return null;
  return number;
}

/** The sum, rounded to nearest; null when it is infinite. */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble | null {
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  return rounded(sum, exponent);
}

/** As `%.17Lf`, without trailing zeros. */
export function formatLongDouble({ mantissa, exponent }: LongDouble): string {
  const scaled = mantissa * 10n ** BigInt(DECIMALS);
  const value = exponent >= 0 ? scaled << BigInt(exponent) : shiftRounded(scaled, -exponent);
  const sign = value < 0n ? '-' : '';
  const digits = (value < 0n ? -value : value).toString().padStart(DECIMALS + 1, '0');
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
  return `${sign}${digits.slice(0, -DECIMALS)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** value × 2^exponent with a mantissa of 64 bits; null when it is too large. */
function rounded(value: bigint, exponent: number): LongDouble | null {
  const excess = bitsOf(value) - MANTISSA_BITS;
  if (excess > 0) {
    value = shiftRounded(value, excess);
    exponent += excess;
    if (value === ROOM || value === -ROOM) {
      value >>= 1n;
      exponent++;
    }
  }
  if (value === 0n) return { mantissa: 0n, exponent: 0 };
  if (exponent + bitsOf(value) > MAX_EXPONENT) return null;
  return exponent < MIN_EXPONENT ? { mantissa: 0n, exponent: 0 } : { mantissa: value, exponent };
}

/** A quotient with 64 bits: two bits more are computed, the rest only says whether something was left. */
function quotient(numerator: bigint, denominator: bigint): LongDouble | null {
  const negative = numerator < 0n;
  const size = negative ? -numerator : numerator;
  const shift = Math.max(0, MANTISSA_BITS + 2 - bitsOf(size) + bitsOf(denominator));
  const shifted = size << BigInt(shift);
  let value = (shifted / denominator) << 1n;
  if (shifted % denominator !== 0n) value |= 1n;
  return rounded(negative ? -value : value, -shift - 1);
}

/** value / 2^bits, to the nearest, ties to even. */
function shiftRounded(value: bigint, bits: number): bigint {
  const negative = value < 0n;
  const size = negative ? -value : value;
  let result = size >> BigInt(bits);
  const rest = size - (result << BigInt(bits));
  const half = 1n << BigInt(bits - 1);
  if (rest > half || (rest === half && (result & 1n) === 1n)) result++;
  return negative ? -result : result;
}

function bitsOf(value: bigint): number {
  const size = value < 0n ? -value : value;
  return size === 0n ? 0 : size.toString(2).length;
}
