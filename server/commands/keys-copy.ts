/**
 * COPY: a value once more under another key or in another database. Collections are copied as the structures they are, not element by
 * element (types/copier.ts); streams by way of their DUMP payload.
 * Source: Valkey 9.1 db.c copyCommand.
 */
import type { Database } from '../keyspace/database.ts';
import { STREAM, STRING } from '../keyspace/entry.ts';
import { EVENT_GENERIC } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_DB_INDEX, ERR_SAME_OBJECT, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, TWO_KEYS, WRITE } from './command.ts';
import { dumpsOf } from './dump.ts';
import { sameArguments } from './keys.ts';

function copy(types: Types, call: Call): void {
  const { database, keyspace, bytes, reply } = call;
  let target: Database = database;
  let replaces = false;
  for (let i = 3; i < call.count; i++) {
    if (call.is(i, 'REPLACE')) replaces = true;
    else if (call.is(i, 'DB') && i + 1 < call.count) {
      const index = call.integer(++i);
      if (call.failed) return;
      const found = keyspace.databases[index];
      if (found === undefined) {
        call.fail(ERR_DB_INDEX);
        return;
      }
      target = found;
    } else {
      call.fail(ERR_SYNTAX);
      return;
    }
  }
  if (target === database && sameArguments(call, 1, 2)) {
    call.fail(ERR_SAME_OBJECT);
    return;
  }
  const from = call.starts[2]!;
  const to = call.ends[2]!;
  if (call.find(1) === NONE) {
    reply.integer(0);
    return;
  }
  if (target.findForWrite(bytes, from, to) !== NONE) {
    if (!replaces) {
      reply.integer(0);
      return;
    }
    target.remove();
  }
  call.findForWrite(1);
  const { view } = database;
  const expireAtMs = view.expireAtMs();
  if (view.type === STRING) {
    const written = database.howWritten();
    const at = database.openString();
    const value = database.valueSegment.slice(at, at + view.stringLength());
    target.findForWrite(bytes, from, to);
    target.putString(bytes, from, to, value, 0, value.length, expireAtMs);
    target.markWritten(written);
  } else if (view.type === STREAM) {
    const dumps = dumpsOf(call);
    const payload = dumps.dump(view.address);
    if (!dumps.read(payload, 0, payload.length))
      throw new Error('COPY: a stream came out of its own payload as nothing');
    target.findForWrite(bytes, from, to);
    dumps.put(target, bytes, from, to, expireAtMs);
  } else {
    const { type, encoding } = view;
    const root = types.copy(type, encoding, view.root());
    target.findForWrite(bytes, from, to);
    target.putCollection(bytes, from, to, type, encoding, root, expireAtMs);
  }
  call.changed();
  keyspace.notify(EVENT_GENERIC, 'copy_to', target, bytes, from, to);
  reply.integer(1);
}

export function copyCommands(types: Types): readonly Command[] {
  return [
    {
      name: 'copy',
      arity: -3,
      group: 'generic',
      since: '6.2.0',
      flags: WRITE | DENYOOM,
      keys: TWO_KEYS,
      summary: 'Copies the value of a key to a new key.',
      run: (call) => copy(types, call),
    },
  ];
}
