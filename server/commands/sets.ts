/**
 * Commands on one set; those on several at once are in sets-algebra.ts. Hot file: SADD, SREM and SISMEMBER allocate nothing.
 * Source: Valkey 9.1 t_set.c.
 */
import { SET } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_SET } from '../keyspace/events.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { negatableCount, popCount, replyRandom, scanCollection, visitDistinct } from './collections.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, TWO_KEYS, WRITE } from './command.ts';

/** Opens the set at argument 1 for reading; false when there is none or an error was answered. */
function open(types: Types, call: Call): boolean {
  if (call.findTyped(1, SET) === NONE || call.failed) return false;
  types.sets.openFound(call.database);
  return true;
}

function sadd(types: Types, call: Call): void {
  const found = call.findTypedForWrite(1, SET);
  if (call.failed) return;
  const { sets } = types;
  const { database, bytes, starts, ends } = call;
  const members = call.count - 2;
  if (found === NONE) {
    sets.create();
    sets.expectFirst(bytes, starts[2]!, ends[2]!, members);
  } else sets.openFound(database);
  let added = 0;
  for (let i = 2; i < call.count; i++) {
    if (sets.has(bytes, starts[i]!, ends[i]!)) continue;
    if (added++ === 0 && found !== NONE) database.beginChange();
    sets.addMissing(bytes, starts[i]!, ends[i]!);
  }
  if (found === NONE) database.putCollection(bytes, starts[1]!, ends[1]!, SET, sets.encoding, sets.root);
  else if (added > 0) sets.saveTo(database);
  if (added > 0) {
    call.changed(added);
    call.notify(EVENT_SET, 'sadd');
  }
  call.reply.integer(added);
}

function srem(types: Types, call: Call): void {
  const found = call.findTypedForWrite(1, SET);
  if (call.failed) return;
  let removed = 0;
  if (found !== NONE) {
    types.sets.openFound(call.database);
    for (let i = 2; i < call.count; i++) if (removeArgument(types, call, i, removed === 0)) removed++;
    if (removed > 0) endRemovals(types, call, removed, 'srem');
  }
  call.reply.integer(removed);
}

/** Removes the member of an argument from the found set; the first removal of a command begins the change. */
function removeArgument(types: Types, call: Call, index: number, first: boolean): boolean {
  const { sets } = types;
  const { bytes, starts, ends } = call;
  if (!sets.has(bytes, starts[index]!, ends[index]!)) return false;
  if (first) call.database.beginChange();
  return sets.remove(bytes, starts[index]!, ends[index]!);
}

/** After members of the found set at argument 1 were removed: an empty set goes. */
function endRemovals(types: Types, call: Call, removed: number, event: string): void {
  const { sets } = types;
  sets.saveTo(call.database);
  const emptied = sets.count === 0;
  if (emptied) call.database.remove();
  call.changed(removed);
  call.notify(EVENT_SET, event);
  if (emptied) call.notify(EVENT_GENERIC, 'del');
}

function smove(types: Types, call: Call): void {
  const { database, reply, bytes, starts, ends } = call;
  const source = call.findTypedForWrite(1, SET);
  if (source === NONE) {
    reply.integer(0);
    return;
  }
  if (call.failed) return;
  const target = call.findTypedForWrite(2, SET);
  if (call.failed) return;
  const { sets } = types;
  call.findForWrite(1);
  sets.openFound(database);
  if (source === target) {
    reply.integer(sets.has(bytes, starts[3]!, ends[3]!) ? 1 : 0);
    return;
  }
  if (!removeArgument(types, call, 3, true)) {
    reply.integer(0);
    return;
  }
  endRemovals(types, call, 1, 'srem');
  if (call.findForWrite(2) === NONE) {
    sets.create();
    sets.expectFirst(bytes, starts[3]!, ends[3]!, 1);
    sets.add(bytes, starts[3]!, ends[3]!);
    database.putCollection(bytes, starts[2]!, ends[2]!, SET, sets.encoding, sets.root);
    call.changed();
    call.notify(EVENT_SET, 'sadd', 2);
  } else if (!sets.openFound(database).has(bytes, starts[3]!, ends[3]!)) {
    database.beginChange();
    sets.addMissing(bytes, starts[3]!, ends[3]!);
    sets.saveTo(database);
    call.changed();
    call.notify(EVENT_SET, 'sadd', 2);
  }
  reply.integer(1);
}

function smembers(types: Types, call: Call): void {
  const found = call.findTyped(1, SET);
  if (call.failed) return;
  const { view } = call.database;
  if (found === NONE) call.reply.set(0);
  else replySet(types, call, view.encoding, view.root());
}

export function replySet(types: Types, call: Call, encoding: number, root: Address): void {
  const { walk } = types;
  call.reply.set(types.count(SET, encoding, root));
  walk.open(SET, encoding, root);
  while (walk.next()) call.reply.bulk(walk.segment, walk.from, walk.to);
}

function sismember(types: Types, call: Call): void {
  const isMember = open(types, call) && types.sets.has(call.bytes, call.starts[2]!, call.ends[2]!);
  if (!call.failed) call.reply.integer(isMember ? 1 : 0);
}

function smismember(types: Types, call: Call): void {
  const exists = open(types, call);
  if (call.failed) return;
  call.reply.array(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    call.reply.integer(exists && types.sets.has(call.bytes, call.starts[i]!, call.ends[i]!) ? 1 : 0);
  }
}

function scard(types: Types, call: Call): void {
  if (open(types, call)) call.reply.integer(types.sets.count);
  else if (!call.failed) call.reply.integer(0);
}

/** Members in one SREM that SPOP becomes. */
const PROPAGATED_MEMBERS = 1024;

/** SPOP: to replicas it is an SREM of what was popped, or a DEL when that was all. */
function spop(types: Types, call: Call): void {
  if (call.count > 3) {
    call.fail(ERR_SYNTAX);
    return;
  }
  const count = popCount(call);
  if (call.failed) return;
  const found = call.findTypedForWrite(1, SET);
  if (call.failed) return;
  const { reply, database } = call;
  const { view } = database;
  const { walk, sets } = types;
  if (found === NONE || count === 0) {
    if (call.count === 3) reply.set(0);
    else reply.nil();
    return;
  }
  const root = view.root();
  const size = types.count(SET, view.encoding, root);
  if (call.count === 3 && count >= size) {
    replySet(types, call, view.encoding, root);
    database.remove();
    call.changed(size);
    call.notify(EVENT_SET, 'spop');
    call.notify(EVENT_GENERIC, 'del');
    const name = call.rooms.settings.flag('lazyfree-lazy-server-del') ? 'UNLINK' : 'DEL';
    call.propagateAs(Arguments.of(name, call.copy(1)));
    return;
  }
  const popped: Uint8Array[] = [];
  if (call.count === 2) {
    walk.open(SET, view.encoding, root).draw(root, call.rooms.host);
    popped.push(walk.segment.slice(walk.from, walk.to));
    reply.bulk(popped[0]!, 0, popped[0]!.length);
  } else {
    visitDistinct(call, walk, SET, view.encoding, root, size, count, () =>
      popped.push(walk.segment.slice(walk.from, walk.to)),
    );
    reply.set(popped.length);
    for (const member of popped) reply.bulk(member, 0, member.length);
  }
  database.beginChange();
  sets.openFound(database);
  for (const member of popped) sets.remove(member, 0, member.length);
  endRemovals(types, call, popped.length, 'spop');
  const forms: Arguments[] = [];
  for (let i = 0; i < popped.length; i += PROPAGATED_MEMBERS)
    forms.push(Arguments.of('SREM', call.copy(1), ...popped.slice(i, i + PROPAGATED_MEMBERS)));
  call.propagateAs(...forms);
}

function srandmember(types: Types, call: Call): void {
  let count = 1;
  if (call.count > 2) {
    if (call.count > 3) {
      call.fail(ERR_SYNTAX);
      return;
    }
    count = negatableCount(call, 2);
    if (call.failed) return;
  }
  replyRandom(call, types, SET, count, false);
}

export function setCommands(types: Types): readonly Command[] {
  const row = { group: 'set', keys: ONE_KEY, since: '1.0.0' } as const;
  return [
    {
      ...row,
      name: 'sadd',
      arity: -3,
      flags: WRITE | DENYOOM | FAST,
      summary: "Adds one or more members to a set. Creates the key if it doesn't exist.",
      run: (call) => sadd(types, call),
    },
    {
      ...row,
      name: 'srem',
      arity: -3,
      flags: WRITE | FAST,
      summary: 'Removes one or more members from a set. Deletes the set if the last member was removed.',
      run: (call) => srem(types, call),
    },
    {
      ...row,
      name: 'smove',
      arity: 4,
      flags: WRITE | FAST,
      keys: TWO_KEYS,
      summary: 'Moves a member from one set to another.',
      run: (call) => smove(types, call),
    },
    {
      ...row,
      name: 'smembers',
      arity: 2,
      flags: READONLY,
      summary: 'Returns all members of a set.',
      run: (call) => smembers(types, call),
    },
    {
      ...row,
      name: 'sismember',
      arity: 3,
      flags: READONLY | FAST,
      summary: 'Determines whether a member belongs to a set.',
      run: (call) => sismember(types, call),
    },
    {
      ...row,
      name: 'smismember',
      arity: -3,
      since: '6.2.0',
      flags: READONLY | FAST,
      summary: 'Determines whether multiple members belong to a set.',
      run: (call) => smismember(types, call),
    },
    {
      ...row,
      name: 'scard',
      arity: 2,
      flags: READONLY | FAST,
      summary: 'Returns the number of members in a set.',
      run: (call) => scard(types, call),
    },
    {
      ...row,
      name: 'spop',
      arity: -2,
      flags: WRITE | FAST,
      summary:
        'Returns one or more random members from a set after removing them. Deletes the set if the last member was popped.',
      run: (call) => spop(types, call),
    },
    {
      ...row,
      name: 'srandmember',
      arity: -2,
      flags: READONLY,
      summary: 'Gets one or multiple random members from a set.',
      run: (call) => srandmember(types, call),
    },
    {
      ...row,
      name: 'sscan',
      arity: -3,
      since: '2.8.0',
      flags: READONLY,
      summary: 'Iterates over members of a set.',
      run: (call) => scanCollection(call, types, SET),
    },
  ];
}
