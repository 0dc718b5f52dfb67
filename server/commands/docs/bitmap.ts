/** Documentation of the bitmap commands. Source: Valkey 9.1 COMMAND DOCS. */
import type { CommandDocs } from './doc.ts';

const RANGE = '[range(start:integer [end-unit-block(end:integer [unit<BYTE | BIT>@7.0.0])])]';
const PLACE = 'encoding offset:integer';
const FIELDS_COMPLEXITY = 'O(1) for each subcommand specified';

export const bitmapDocs: CommandDocs = {
  bitcount: {
    complexity: 'O(N)',
    syntax: `key ${RANGE}`,
    history: [
      ['7.0.0', 'Added the `BYTE|BIT` option.'],
      ['8.0.0', '`end` made optional; when called without argument the command reports the last BYTE.'],
    ],
  },
  bitfield: {
    complexity: FIELDS_COMPLEXITY,
    syntax:
      'key [operation<' +
      `GET=get-block(${PLACE}) | ` +
      'write([OVERFLOW=overflow-block<WRAP | SAT | FAIL>] ' +
      `write-operation<SET=set-block(${PLACE} value:integer) | INCRBY=incrby-block(${PLACE} increment:integer)>)>]...`,
  },
  bitfield_ro: { complexity: FIELDS_COMPLEXITY, syntax: `key [GET=get-block(${PLACE})]...*` },
  bitop: { complexity: 'O(N)', syntax: 'operation<AND | OR | XOR | NOT> destkey:key key:key1...' },
  bitpos: {
    complexity: 'O(N)',
    syntax: `key bit:integer ${RANGE}`,
    history: [['7.0.0', 'Added the `BYTE|BIT` option.']],
  },
  getbit: { complexity: 'O(1)', syntax: 'key offset:integer' },
  setbit: { complexity: 'O(1)', syntax: 'key offset:integer value:integer' },
};
