/** Numbers as C writes and reads them: `%.14g` and strtod. Source: C99 7.19.6.1 and 7.20.1.3. */

/** A double by `%.<precision>g`. */
export function formatG(value: number, precision: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa, exponentText] = roundedHalfEven(value, precision).split('e') as [string, string];
  const exponent = Number(exponentText);
  const sign = mantissa[0] === '-' ? '-' : '';
  const digits = mantissa.replace('-', '').replace('.', '').replace(/0+$/, '');
  if (exponent < -4 || exponent >= precision) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits + '0'.repeat(exponent + 1 - digits.length);
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** As toExponential, which rounds a tie away from zero where C rounds it to the even digit. */
function roundedHalfEven(value: number, precision: number): string {
  const text = value.toExponential(precision - 1);
  const finer = value.toExponential(precision);
  const isTie = finer.slice(0, finer.indexOf('e')).endsWith('5') && Number(finer) === value;
  if (!isTie) return text;
  const lower = `${finer.slice(0, finer.indexOf('e') - 1).replace(/\.$/, '')}${finer.slice(finer.indexOf('e'))}`;
  const last = lower[lower.indexOf('e') - 1]!;
  // The digit before the tie is even: the tie goes down to it.
  return Number(last) % 2 === 0 && isExact(value, finer) ? lower : text;
}

/** The text is the double's whole value, not only the nearest to it of this length. */
function isExact(value: number, text: string): boolean {
  return value.toExponential(Math.min(100, text.length + 20)).replace(/0+e/, 'e') === text.replace(/0+e/, 'e');
}

const DECIMAL = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const HEXADECIMAL = /([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?/y;
const WORD = /([+-]?)(infinity|inf|nan(?:\([a-zA-Z0-9_]*\))?)/iy;

/** What strtod reads at a place: its value, and the length it took (0 for none). */
export function readDouble(text: string, at: number): { value: number; length: number } {
  HEXADECIMAL.lastIndex = at;
  const hexadecimal = HEXADECIMAL.exec(text);
  if (hexadecimal !== null && (hexadecimal[2] !== '' || (hexadecimal[3] ?? '') !== '')) {
    const [whole, sign, before, after = '', power = '0'] = hexadecimal as unknown as string[];
    let value = 0;
    for (const digit of before! + after) value = value * 16 + Number.parseInt(digit, 16);
    value *= 2 ** (Number(power) - 4 * after.length);
    return { value: sign === '-' ? -value : value, length: whole!.length };
  }
  DECIMAL.lastIndex = at;
  const decimal = DECIMAL.exec(text);
  if (decimal !== null) return { value: Number(decimal[0]), length: decimal[0].length };
  WORD.lastIndex = at;
  const word = WORD.exec(text);
  if (word === null) return { value: 0, length: 0 };
  const value = word[2]![0]!.toLowerCase() === 'i' ? Infinity : Number.NaN;
  return { value: word[1] === '-' ? -value : value, length: word[0].length };
}
