/** LOLWUT: a piece of computer art, another at each call. Source: Valkey 9.1 lolwut9.c (a Julia set in characters). */
import { REDIS_VERSION, VALKEY_VERSION } from '../config/version.ts';
import { ERR_NOT_INTEGER } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { type Command, FAST, NO_KEYS, READONLY } from './command.ts';

const COLUMNS = 80;
const ROWS = 40;
const MAX_SIDE = 1000;
const ITERATIONS = 50;
/** From points that leave at once to points that stay. */
const SHADES = ' .:-=+*%#&@';
/** Constants whose sets are neither dust nor a disc lie about here. */
const RADIUS = 0.8;
const ERR_USAGE = 'ERR Syntax error. Use: LOLWUT [columns rows] [real imaginary]';

function lolwut(call: Call): void {
  let index = 1;
  if (call.count > 2 && call.is(1, 'VERSION')) {
    call.integer(2, ERR_NOT_INTEGER);
    index = 3;
  }
  if (call.failed) return;
  const given = call.count - index;
  if (given !== 0 && given !== 2 && given !== 4) {
    call.fail(ERR_USAGE);
    return;
  }
  const columns = given >= 2 ? side(call, index) : COLUMNS;
  const rows = given >= 2 && !call.failed ? side(call, index + 1) : ROWS;
  if (call.failed) return;
  const angle = (call.rooms.host.random() / 2 ** 32) * 2 * Math.PI;
  const real = given === 4 ? call.double(index + 2) : Math.round(RADIUS * Math.cos(angle) * 100) / 100;
  const imaginary =
    given === 4 && !call.failed ? call.double(index + 3) : Math.round(RADIUS * Math.sin(angle) * 100) / 100;
  if (call.failed) return;
  const picture = juliaSet(columns, rows, real, imaginary);
  const asRedis = call.rooms.settings.flag('extended-redis-compatibility');
  const version = asRedis ? `Redis ver. ${REDIS_VERSION}` : `Valkey ver. ${VALKEY_VERSION}`;
  call.reply.verbatim(
    `${picture}Ascii representation of Julia set with constant ${real.toFixed(2)} + ${imaginary.toFixed(2)}i\nDon't forget to have fun! ${version}\n`,
  );
}

function side(call: Call, index: number): number {
  const value = call.integer(index);
  return Math.min(MAX_SIDE, Math.max(1, value));
}

/** How soon z → z² + c leaves the disc of radius 2, for z in [-2, 2] × [-2, 2]. */
function juliaSet(columns: number, rows: number, real: number, imaginary: number): string {
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    let line = '';
    for (let column = 0; column < columns; column++) {
      let x = (column / columns) * 4 - 2;
      let y = (row / rows) * 4 - 2;
      let steps = 0;
      for (; steps < ITERATIONS && x * x + y * y < 4; steps++) {
        const next = x * x - y * y + real;
        y = 2 * x * y + imaginary;
        x = next;
      }
      line += SHADES[Math.min(SHADES.length - 1, Math.floor((steps / ITERATIONS) * SHADES.length))]!;
    }
    lines.push(`${line}\n`);
  }
  return lines.join('');
}

export const lolwutCommands: readonly Command[] = [
  {
    name: 'lolwut',
    arity: -1,
    group: 'server',
    since: '5.0.0',
    flags: READONLY | FAST,
    keys: NO_KEYS,
    summary: 'Displays computer art and the server version.',
    run: lolwut,
  },
];
