/**
 * Commands on several sets: SINTER, SUNION, SDIFF, their storing forms, SINTERCARD.
 * Cost: an intersection walks its smallest set; a difference its first one, or all of them where that is less; a union all.
 * Source: Valkey 9.1 t_set.c.
 */
import { SET } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_SET } from '../keyspace/events.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import { parseInteger } from '../protocol/numbers.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { ALL_KEYS, type Command, DENYOOM, MOVABLE_KEYS, NO_KEYS, READONLY, WRITE } from './command.ts';
import { replySet } from './sets.ts';

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
  const { walk } = types;
  if (walked.root === NONE) return;
  walk.open(SET, walked.encoding, walked.root);
  while (walk.next()) if (passes(types, others, wanted) && !visit()) return;
}

/** The member that the walk stands at is in each of the sets (or, `wanted` false, in none). */
function passes(types: Types, others: readonly Operand[], wanted: boolean): boolean {
  const { walk, sets } = types;
  for (const { encoding, root } of others) {
    if ((root !== NONE && sets.open(encoding, root).has(walk.segment, walk.from, walk.to)) !== wanted) return false;
  }
  return true;
}

function visitIntersection(types: Types, all: readonly Operand[], visit: () => boolean): void {
  if (all.some(({ root }) => root === NONE)) return;
  const [smallest, ...others] = [...all].sort((a, b) => a.count - b.count);
  visitFiltered(types, smallest!, others, true, visit);
}

type Visitor = (types: Types, all: readonly Operand[], visit: () => boolean) => void;

interface Operation {
  /** The event of the storing form. */
  readonly event: string;
  /** Visits each member of the result once; null when only a set can tell which came before. */
  visitorFor(all: readonly Operand[]): Visitor | null;
  /** Makes the result in `types.newSets`, where no visitor can tell it. */
  build(types: Types, all: readonly Operand[]): void;
}

const intersection: Operation = {
  event: 'sinterstore',
  visitorFor: () => visitIntersection,
  build: () => {},
};

const union: Operation = {
  event: 'sunionstore',
  visitorFor: (all) => (all.length === 1 ? visitFirst : null),
  build(types, all) {
    types.newSets.create();
    for (const operand of all) visitFiltered(types, operand, [], true, () => addVisited(types));
  },
};

const difference: Operation = {
  event: 'sdiffstore',
  visitorFor: (all) => (looksUp(all) ? visitDifference : null),
  build(types, [first, ...others]) {
    const { newSets, walk } = types;
    newSets.create();
    visitFiltered(types, first!, [], true, () => addVisited(types));
    for (const { encoding, root } of others) {
      if (root === NONE) continue;
      walk.open(SET, encoding, root);
      while (newSets.count > 0 && walk.next()) newSets.remove(walk.segment, walk.from, walk.to);
    }
  },
};

const visitFirst: Visitor = (types, all, visit) => visitFiltered(types, all[0]!, [], true, visit);

/** The other sets, largest first: the one most likely to have a member is asked first. */
const visitDifference: Visitor = (types, [first, ...others], visit) => {
  others.sort((a, b) => b.count - a.count);
  visitFiltered(types, first!, others, false, visit);
};

/** Looking the first set's members up in the others costs less than walking the others. */
function looksUp(all: readonly Operand[]): boolean {
  const walked = all.reduce((sum, { count }) => sum + count, 0);
  return (all[0]!.count * all.length) / 2 <= walked;
}

function addVisited(types: Types): boolean {
  const { newSets, walk } = types;
  newSets.add(walk.segment, walk.from, walk.to);
  return true;
}

function replyOperation(types: Types, call: Call, operation: Operation): void {
  const all = operands(types, call, 1, call.count);
  if (all === null) return;
  const visitor = operation.visitorFor(all);
  if (visitor !== null) {
    replyVisited(types, call, all, visitor);
    return;
  }
  operation.build(types, all);
  const { newSets } = types;
  replySet(types, call, newSets.encoding, newSets.root);
  types.free(SET, newSets.encoding, newSets.root);
}

/** Replies what a visitor tells: it is gathered first, since the reply begins with the number. */
function replyVisited(types: Types, call: Call, all: readonly Operand[], visitor: Visitor): void {
  const { walk } = types;
  const segments: Uint8Array[] = [];
  const bounds: number[] = [];
  visitor(types, all, () => {
    segments.push(walk.segment);
    bounds.push(walk.from, walk.to);
    return true;
  });
  const { reply } = call;
  reply.set(segments.length);
  for (let i = 0; i < segments.length; i++) reply.bulk(segments[i]!, bounds[2 * i]!, bounds[2 * i + 1]!);
}

function storeOperation(types: Types, call: Call, operation: Operation): void {
  const all = operands(types, call, 2, call.count);
  if (all === null) return;
  const { newSets } = types;
  const visitor = operation.visitorFor(all);
  if (visitor === null) operation.build(types, all);
  else {
    newSets.create();
    visitor(types, all, () => addVisited(types));
  }
  const { database } = call;
  const { count, encoding, root } = newSets;
  const found = call.findForWrite(1);
  if (count > 0) {
    database.putCollection(call.bytes, call.starts[1]!, call.ends[1]!, SET, encoding, root);
    call.changed();
    call.notify(EVENT_SET, operation.event);
  } else {
    types.free(SET, encoding, root);
    if (found !== NONE) {
      database.remove();
      call.changed();
      call.notify(EVENT_GENERIC, 'del');
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

export function setAlgebraCommands(types: Types): readonly Command[] {
  const row = { group: 'set', keys: ALL_KEYS, since: '1.0.0' } as const;
  return [
    {
      ...row,
      name: 'sinter',
      arity: -2,
      flags: READONLY,
      summary: 'Returns the intersect of multiple sets.',
      run: (call) => replyOperation(types, call, intersection),
    },
    {
      ...row,
      name: 'sunion',
      arity: -2,
      flags: READONLY,
      summary: 'Returns the union of multiple sets.',
      run: (call) => replyOperation(types, call, union),
    },
    {
      ...row,
      name: 'sdiff',
      arity: -2,
      flags: READONLY,
      summary: 'Returns the difference of multiple sets.',
      run: (call) => replyOperation(types, call, difference),
    },
    {
      ...row,
      name: 'sinterstore',
      arity: -3,
      flags: WRITE | DENYOOM,
      summary: 'Stores the intersect of multiple sets in a key.',
      run: (call) => storeOperation(types, call, intersection),
    },
    {
      ...row,
      name: 'sunionstore',
      arity: -3,
      flags: WRITE | DENYOOM,
      summary: 'Stores the union of multiple sets in a key.',
      run: (call) => storeOperation(types, call, union),
    },
    {
      ...row,
      name: 'sdiffstore',
      arity: -3,
      flags: WRITE | DENYOOM,
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
  ];
}
