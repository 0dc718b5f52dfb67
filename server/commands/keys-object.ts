/**
 * OBJECT: how a value is kept and when it was used last.
 * Source: Valkey 9.1 object.c objectCommand.
 */
import type { Database } from '../keyspace/database.ts';
import { ACCESS_MASK } from '../keyspace/entry.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { ERR_ARITY } from '../protocol/errors.ts';
import { encodingName } from '../types/encoding-name.ts';
import type { Call } from './call.ts';
import { type Command, LOADING, NO_KEYS, READONLY, STALE } from './command.ts';

const ERR_LFU =
  'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';
const ERR_NOT_LFU =
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';

function object(call: Call, answer: (database: Database) => void): void {
  const { database } = call;
  if (database.findWithoutAccess(call.bytes, call.starts[2]!, call.ends[2]!) === NONE) {
    call.reply.nil();
    return;
  }
  answer(database);
}

const OBJECT_KEY = { first: 2, last: 2, step: 1 };

/** The access bits of the found entry. */
export function accessOf({ arena, view }: Database): number {
  return arena.words[view.address >>> SEGMENT_OF_SHIFT]![(view.address & OFFSET_MASK) << 1]! >>> 8;
}

function idletime(call: Call, database: Database): void {
  if (call.keyspace.frequencies !== null) call.fail(ERR_LFU);
  else call.reply.integer((call.keyspace.accessClock - accessOf(database)) & ACCESS_MASK);
}

function freq(call: Call, database: Database): void {
  const { frequencies } = call.keyspace;
  if (frequencies === null) call.fail(ERR_NOT_LFU);
  else call.reply.integer(frequencies.counterOf(accessOf(database)));
}

export const objectCommands: readonly Command[] = [
  {
    name: 'object',
    arity: -2,
    group: 'generic',
    since: '2.2.3',
    flags: 0,
    keys: NO_KEYS,
    summary: 'A container for object introspection commands.',
    run: (call) => call.fail(ERR_ARITY('object')),
    subcommands: [
      {
        name: 'encoding',
        arity: 3,
        group: 'generic',
        since: '2.2.3',
        flags: READONLY,
        keys: OBJECT_KEY,
        summary: 'Returns the internal encoding of an object.',
        run: (call) => object(call, (database) => call.reply.bulkText(encodingName(database))),
      },
      {
        name: 'idletime',
        arity: 3,
        group: 'generic',
        since: '2.2.3',
        flags: READONLY,
        keys: OBJECT_KEY,
        summary: 'Returns the time since the last access to an object.',
        run: (call) => object(call, (database) => idletime(call, database)),
      },
      {
        name: 'freq',
        arity: 3,
        group: 'generic',
        since: '4.0.0',
        flags: READONLY,
        keys: OBJECT_KEY,
        summary: 'Returns the logarithmic access frequency counter of an object.',
        run: (call) => object(call, (database) => freq(call, database)),
      },
      {
        name: 'refcount',
        arity: 3,
        group: 'generic',
        since: '2.2.3',
        flags: READONLY,
        keys: OBJECT_KEY,
        summary: 'Returns the reference count of a value of a key.',
        run: (call) => object(call, () => call.reply.integer(1)),
      },
      {
        name: 'help',
        arity: 2,
        group: 'generic',
        since: '6.2.0',
        flags: LOADING | STALE,
        keys: NO_KEYS,
        summary: 'Returns helpful text about the different subcommands.',
        run: (call) =>
          call.help([
            'ENCODING <key>',
            '    Return the kind of internal representation used in order to store the value',
            '    associated with a <key>.',
            'FREQ <key>',
            '    Return the access frequency index of the <key>. The returned integer is',
            '    proportional to the logarithm of the recent access frequency of the key.',
            'IDLETIME <key>',
            '    Return the idle time of the <key>, that is the approximated number of',
            '    seconds elapsed since the last access to the key.',
            'REFCOUNT <key>',
            '    Return the number of references of the value associated with the specified',
            '    <key>.',
          ]),
      },
    ],
  },
];
