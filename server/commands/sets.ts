/**
 * Commands on sets. Hot file: SADD, SREM and SISMEMBER allocate nothing.
 * Source: Valkey 9.1 t_set.c.
 */
import { SET } from '../keyspace/entry.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_NOT_POSITIVE, ERR_SYNTAX } from '../protocol/errors.ts';
import { parseInteger } from '../protocol/numbers.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { negatableCount, replyRandom, scanCollection, visitDistinct } from './collections.ts';
import {
  ALL_KEYS,
  type Command,
  DENYOOM,
  FAST,
  MOVABLE_KEYS,
  NO_KEYS,
  ONE_KEY,
  READONLY,
  TWO_KEYS,
  WRITE,
} from './command.ts';

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
  if (added > 0) call.changed(added);
  call.reply.integer(added);
}

function srem(types: Types, call: Call): void {
  const found = call.findTypedForWrite(1, SET);
  if (call.failed) return;
  let removed = 0;
  if (found !== NONE) {
    types.sets.openFound(call.database);
    for (let i = 2; i < call.count; i++) if (removeArgument(types, call, i, removed === 0)) removed++;
    if (removed > 0) endRemovals(types, call, removed);
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

function endRemovals(types: Types, call: Call, removed: number): void {
  types.sets.saveTo(call.database);
  if (types.sets.count === 0) call.database.remove();
  call.changed(removed);
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
  endRemovals(types, call, 1);
  if (call.findForWrite(2) === NONE) {
    sets.create();
    sets.expectFirst(bytes, starts[3]!, ends[3]!, 1);
    sets.add(bytes, starts[3]!, ends[3]!);
    database.putCollection(bytes, starts[2]!, ends[2]!, SET, sets.encoding, sets.root);
    call.changed();
  } else if (!sets.openFound(database).has(bytes, starts[3]!, ends[3]!)) {
    database.beginChange();
    sets.addMissing(bytes, starts[3]!, ends[3]!);
    sets.saveTo(database);
    call.changed();
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

function replySet(types: Types, call: Call, encoding: number, root: Address): void {
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

/** SPOP: to replicas it is an SREM of what was popped, or a DEL when that was all. */
function spop(types: Types, call: Call): void {
  if (call.count > 3) {
    call.fail(ERR_SYNTAX);
    return;
  }
  let count = 1;
  if (call.count === 3) {
    count = call.integer(2, ERR_NOT_POSITIVE);
    if (call.failed) return;
    if (count < 0) {
      call.fail(ERR_NOT_POSITIVE);
      return;
    }
  }
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
    call.propagateAs(Arguments.of('DEL', call.copy(1)));
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
  endRemovals(types, call, popped.length);
  call.propagateAs(Arguments.of('SREM', call.copy(1), ...popped));
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

// --- Of several sets ---------------------------------------------------------------------------------------------------

/** A set among the arguments: NONE for an absent key, which is an empty set. */
interface Operand {
  readonly encoding: number;
  readonly root: Address;
  readonly count: number;
}

const EMPTY_SET: Operand = { encoding: 0, root: NONE, count: 0 };

/** The sets at the keys of arguments [first, end); null when an error was answered. */
function operands(types: Types, call: Call, first: number, end: number): Operand[] | null {
  const found: Operand[] = [];
  for (let i = first; i < end; i++) {
    if (call.findTyped(i, SET) === NONE) {
      found.push(EMPTY_SET);
      continue;
    }
    if (call.failed) return null;
    const { view } = call.database;
    const root = view.root();
    found.push({ encoding: view.encoding, root, count: types.count(SET, view.encoding, root) });
  }
  return found;
}

/** Visits the members of `walked` that each of `others` has (or, `wanted` false, none of them has); `visit` false stops. */
function visitFiltered(
  types: Types,
  walked: Operand,
  others: readonly Operand[],
  wanted: boolean,
  visit: () => boolean,
): void {
  const { walk, sets } = types;
  if (walked.root === NONE) return;
  walk.open(SET, walked.encoding, walked.root);
  while (walk.next()) {
    const { segment, from, to } = walk;
    const pass = others.every(
      ({ encoding, root }) => (root !== NONE && sets.open(encoding, root).has(segment, from, to)) === wanted,
    );
    if (pass && !visit()) return;
  }
}

function visitIntersection(types: Types, all: readonly Operand[], visit: () => boolean): void {
  if (all.some(({ root }) => root === NONE)) return;
  const [smallest, ...others] = [...all].sort((a, b) => a.count - b.count);
  visitFiltered(types, smallest!, others, true, visit);
}

type Operation = (types: Types, all: readonly Operand[], add: () => boolean) => void;

const intersection: Operation = visitIntersection;
const union: Operation = (types, all, add) => {
  for (const operand of all) visitFiltered(types, operand, [], true, add);
};
const difference: Operation = (types, [first, ...others], add) => {
  visitFiltered(types, first!, others, false, add);
};

/** Makes the result as a new set, open in `types.newSets`; false when an error was answered. */
function compute(types: Types, call: Call, firstKey: number, operation: Operation): boolean {
  const all = operands(types, call, firstKey, call.count);
  if (all === null) return false;
  const { newSets, walk } = types;
  newSets.create();
  operation(types, all, () => {
    newSets.add(walk.segment, walk.from, walk.to);
    return true;
  });
  return true;
}

function replyOperation(types: Types, call: Call, operation: Operation): void {
  if (!compute(types, call, 1, operation)) return;
  const { newSets } = types;
  replySet(types, call, newSets.encoding, newSets.root);
  types.free(SET, newSets.encoding, newSets.root);
}

function storeOperation(types: Types, call: Call, operation: Operation): void {
  if (!compute(types, call, 2, operation)) return;
  const { newSets } = types;
  const { database } = call;
  const { count, encoding, root } = newSets;
  const found = call.findForWrite(1);
  if (count > 0) {
    database.putCollection(call.bytes, call.starts[1]!, call.ends[1]!, SET, encoding, root);
    call.changed();
  } else {
    types.free(SET, encoding, root);
    if (found !== NONE) {
      database.remove();
      call.changed();
    }
  }
  call.reply.integer(count);
}

const ERR_NUMKEYS = 'ERR numkeys should be greater than 0';

function sintercard(types: Types, call: Call): void {
  const keys = call.integer(1, ERR_NUMKEYS);
  if (call.failed) return;
  if (keys < 1) {
    call.fail(ERR_NUMKEYS);
    return;
  }
  if (keys > call.count - 2) {
    call.fail("ERR Number of keys can't be greater than number of args");
    return;
  }
  let limit = 0;
  for (let i = 2 + keys; i < call.count; i += 2) {
    if (!call.is(i, 'LIMIT') || i + 1 >= call.count) {
      call.fail(ERR_SYNTAX);
      return;
    }
    limit = call.integer(i + 1, "ERR LIMIT can't be negative");
    if (call.failed) return;
    if (limit < 0) {
      call.fail("ERR LIMIT can't be negative");
      return;
    }
  }
  const all = operands(types, call, 2, 2 + keys);
  if (all === null) return;
  let count = 0;
  visitIntersection(types, all, () => ++count !== limit);
  call.reply.integer(count);
}

function sintercardKeys(call: Call, found: (index: number) => void): void {
  const keys = parseInteger(call.bytes, call.starts[1]!, call.ends[1]!);
  if (!(keys >= 1 && keys <= call.count - 2)) return;
  for (let i = 2; i < 2 + keys; i++) found(i);
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
      name: 'sinter',
      arity: -2,
      flags: READONLY,
      keys: ALL_KEYS,
      summary: 'Returns the intersect of multiple sets.',
      run: (call) => replyOperation(types, call, intersection),
    },
    {
      ...row,
      name: 'sunion',
      arity: -2,
      flags: READONLY,
      keys: ALL_KEYS,
      summary: 'Returns the union of multiple sets.',
      run: (call) => replyOperation(types, call, union),
    },
    {
      ...row,
      name: 'sdiff',
      arity: -2,
      flags: READONLY,
      keys: ALL_KEYS,
      summary: 'Returns the difference of multiple sets.',
      run: (call) => replyOperation(types, call, difference),
    },
    {
      ...row,
      name: 'sinterstore',
      arity: -3,
      flags: WRITE | DENYOOM,
      keys: ALL_KEYS,
      summary: 'Stores the intersect of multiple sets in a key.',
      run: (call) => storeOperation(types, call, intersection),
    },
    {
      ...row,
      name: 'sunionstore',
      arity: -3,
      flags: WRITE | DENYOOM,
      keys: ALL_KEYS,
      summary: 'Stores the union of multiple sets in a key.',
      run: (call) => storeOperation(types, call, union),
    },
    {
      ...row,
      name: 'sdiffstore',
      arity: -3,
      flags: WRITE | DENYOOM,
      keys: ALL_KEYS,
      summary: 'Stores the difference of multiple sets in a key.',
      run: (call) => storeOperation(types, call, difference),
    },
    {
      ...row,
      name: 'sintercard',
      arity: -3,
      since: '7.0.0',
      flags: READONLY | MOVABLE_KEYS,
      keys: NO_KEYS,
      keysOf: sintercardKeys,
      summary: 'Returns the number of members of the intersect of multiple sets.',
      run: (call) => sintercard(types, call),
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
