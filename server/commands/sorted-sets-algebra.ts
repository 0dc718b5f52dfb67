/**
 * Unions, intersections and differences of sorted sets and sets. The result is made as a whole, then ordered at once.
 * Source: Valkey 9.1 t_zset.c zunionInterDiffGenericCommand.
 */
import { SET, ZSET } from '../keyspace/entry.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_SYNTAX, ERR_WRONG_TYPE } from '../protocol/errors.ts';
import type { ElementWalk, Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, MOVABLE_KEYS, NO_KEYS, ONE_KEY, READONLY, WRITE } from './command.ts';
import { parseScore } from './sorted-set-range.ts';
import { numberedKeys, storeResult } from './sorted-sets-common.ts';

/** A set or sorted set among the arguments: root NONE for an absent key, which is an empty one. */
interface Operand {
  readonly type: number;
  readonly encoding: number;
  readonly root: Address;
  readonly count: number;
  weight: number;
}

type Aggregate = (a: number, b: number) => number;

/** inf and -inf make 0. */
const sum: Aggregate = (a, b) => numberOrZero(a + b);
/** A weight of inf makes no number of 0: such a score counts for nothing. */
const smaller: Aggregate = (a, b) => (Number.isNaN(b) ? a : Math.min(a, b));
const larger: Aggregate = (a, b) => (Number.isNaN(b) ? a : Math.max(a, b));

function numberOrZero(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

/** What stands in the arguments of one of these commands. */
interface Request {
  readonly operands: Operand[];
  aggregate: Aggregate;
  withScores: boolean;
  /** Of ZINTERCARD: count no further; 0 for no limit. */
  limit: number;
}

/** Which options a command takes. */
interface Form {
  /** WEIGHTS and AGGREGATE. */
  readonly weighted: boolean;
  readonly withScores: boolean;
  readonly limited: boolean;
}

const STORED_WEIGHTED: Form = { weighted: true, withScores: false, limited: false };
const STORED_PLAIN: Form = { weighted: false, withScores: false, limited: false };
const ANSWERED_WEIGHTED: Form = { weighted: true, withScores: true, limited: false };
const ANSWERED_PLAIN: Form = { weighted: false, withScores: true, limited: false };
const COUNTED: Form = { weighted: false, withScores: false, limited: true };

/** Reads the arguments from the number of keys at `countAt` on; null when an error was answered. */
function read(types: Types, call: Call, countAt: number, form: Form): Request | null {
  const keys = call.integer(countAt);
  if (call.failed) return null;
  if (keys < 1) {
    call.fail(`ERR at least 1 input key is needed for '${call.entry.fullName}' command`);
    return null;
  }
  if (keys > call.count - countAt - 1) {
    call.fail(ERR_SYNTAX);
    return null;
  }
  const operands = readOperands(types, call, countAt + 1, keys);
  if (operands === null) return null;
  const request: Request = { operands, aggregate: sum, withScores: false, limit: 0 };
  for (let i = countAt + 1 + keys; i < call.count; ) {
    const next = readOption(call, i, form, request);
    if (call.failed) return null;
    i = next;
  }
  return request;
}

function readOperands(types: Types, call: Call, first: number, keys: number): Operand[] | null {
  const operands: Operand[] = [];
  for (let i = first; i < first + keys; i++) {
    if (call.find(i) === NONE) {
      operands.push({ type: ZSET, encoding: 0, root: NONE, count: 0, weight: 1 });
      continue;
    }
    const { view } = call.database;
    if (view.type !== ZSET && view.type !== SET) {
      call.fail(ERR_WRONG_TYPE);
      return null;
    }
    const root = view.root();
    const { type, encoding } = view;
    operands.push({ type, encoding, root, count: types.count(type, encoding, root), weight: 1 });
  }
  return operands;
}

/** Reads the option at argument i; returns where the next one is. */
function readOption(call: Call, i: number, form: Form, request: Request): number {
  const { operands } = request;
  const left = call.count - i;
  if (form.weighted && left >= operands.length + 1 && call.is(i, 'WEIGHTS')) {
    for (const operand of operands) {
      i++;
      operand.weight = parseScore(call.bytes, call.starts[i]!, call.ends[i]!);
      if (!Number.isNaN(operand.weight)) continue;
      call.fail('ERR weight value is not a float');
      break;
    }
    return i + 1;
  }
  if (form.weighted && left >= 2 && call.is(i, 'AGGREGATE')) {
    if (call.is(i + 1, 'SUM')) request.aggregate = sum;
    else if (call.is(i + 1, 'MIN')) request.aggregate = smaller;
    else if (call.is(i + 1, 'MAX')) request.aggregate = larger;
    else call.fail(ERR_SYNTAX);
    return i + 2;
  }
  if (form.withScores && call.is(i, 'WITHSCORES')) {
    request.withScores = true;
    return i + 1;
  }
  if (form.limited && left >= 2 && call.is(i, 'LIMIT')) {
    request.limit = call.integer(i + 1, "ERR LIMIT can't be negative");
    if (!call.failed && request.limit < 0) call.fail("ERR LIMIT can't be negative");
    return i + 2;
  }
  call.fail(ERR_SYNTAX);
  return i;
}

/** The score that the member where the walk stands has in the operand. */
function scoreOf(operand: Operand, walk: ElementWalk): number {
  return operand.type === ZSET ? walk.score : 1;
}

/** The score of the walk's member in an operand; NaN when it is not in there. */
function lookUp(types: Types, operand: Operand, walk: ElementWalk): number {
  const { encoding, root } = operand;
  if (root === NONE) return Number.NaN;
  const { segment, from, to } = walk;
  if (operand.type === SET) return types.sets.open(encoding, root).has(segment, from, to) ? 1 : Number.NaN;
  const { sortedSets } = types;
  return sortedSets.open(encoding, root).find(segment, from, to) ? sortedSets.score : Number.NaN;
}

/** The smallest first: then the fewest members are looked up. */
function bySize(operands: readonly Operand[]): Operand[] {
  return [...operands].sort((a, b) => a.count - b.count);
}

/** Visits every member that all operands have, with its score; `visit` false stops. */
function visitIntersection(types: Types, request: Request, visit: (score: number) => boolean): void {
  const [smallest, ...others] = bySize(request.operands);
  if (smallest!.count === 0) return;
  const { walk } = types;
  walk.open(smallest!.type, smallest!.encoding, smallest!.root);
  while (walk.next()) {
    let score = numberOrZero(smallest!.weight * scoreOf(smallest!, walk));
    let everywhere = true;
    for (const other of others) {
      const found = lookUp(types, other, walk);
      if (Number.isNaN(found)) {
        everywhere = false;
        break;
      }
      score = request.aggregate(score, found * other.weight);
    }
    if (everywhere && !visit(score)) return;
  }
}

/** Makes a result, open in `types.newSortedSets`. */
type Operation = (types: Types, request: Request) => void;

const union: Operation = (types, { operands, aggregate }) => {
  const { walk, newSortedSets } = types;
  for (const operand of bySize(operands)) {
    if (operand.count === 0) continue;
    walk.open(operand.type, operand.encoding, operand.root);
    while (walk.next()) {
      const score = numberOrZero(operand.weight * scoreOf(operand, walk));
      const { segment, from, to } = walk;
      if (newSortedSets.find(segment, from, to)) newSortedSets.setScore(aggregate(newSortedSets.score, score));
      else newSortedSets.insert(segment, from, to, score);
    }
  }
};

const intersection: Operation = (types, request) => {
  visitIntersection(types, request, (score) => {
    addNew(types, score);
    return true;
  });
};

const difference: Operation = (types, { operands }) => {
  const { walk } = types;
  const [first, ...others] = operands;
  if (first!.count === 0) return;
  walk.open(first!.type, first!.encoding, first!.root);
  while (walk.next()) {
    let missing = true;
    for (const other of others) {
      if (Number.isNaN(lookUp(types, other, walk))) continue;
      missing = false;
      break;
    }
    if (missing) addNew(types, scoreOf(first!, walk));
  }
};

/** Adds the walk's member, which is new to it, to the result. */
function addNew(types: Types, score: number): void {
  const { walk, newSortedSets } = types;
  newSortedSets.find(walk.segment, walk.from, walk.to);
  newSortedSets.insert(walk.segment, walk.from, walk.to, score);
}

/** Makes the result in order; false when an error was answered. */
function compute(types: Types, call: Call, countAt: number, form: Form, operation: Operation): Request | null {
  const request = read(types, call, countAt, form);
  if (request === null) return null;
  types.newSortedSets.createUnordered();
  operation(types, request);
  types.newSortedSets.order();
  return request;
}

function answer(types: Types, call: Call, form: Form, operation: Operation): void {
  const request = compute(types, call, 1, form, operation);
  if (request === null) return;
  const { newSortedSets } = types;
  const { reply } = call;
  const { count } = newSortedSets;
  const pairs = request.withScores && reply.protocol === 3;
  reply.array(request.withScores && !pairs ? count * 2 : count);
  for (let more = newSortedSets.seekRank(0); more; more = newSortedSets.next()) {
    if (pairs) reply.array(2);
    reply.bulk(newSortedSets.segment, newSortedSets.from, newSortedSets.to);
    if (request.withScores) reply.double(newSortedSets.score);
  }
  types.free(ZSET, newSortedSets.encoding, newSortedSets.root);
}

function store(types: Types, call: Call, form: Form, operation: Operation, event: string): void {
  if (compute(types, call, 2, form, operation) === null) return;
  const { count } = types.newSortedSets;
  storeResult(types, call, 1, event, 1);
  call.reply.integer(count);
}

function zintercard(types: Types, call: Call): void {
  const request = read(types, call, 1, COUNTED);
  if (request === null) return;
  let count = 0;
  visitIntersection(types, request, () => ++count !== request.limit);
  call.reply.integer(count);
}

export function sortedSetAlgebraCommands(types: Types): readonly Command[] {
  const answered = {
    group: 'sorted-set',
    since: '6.2.0',
    arity: -3,
    flags: READONLY | MOVABLE_KEYS,
    keys: NO_KEYS,
    keysOf: numberedKeys(1, false),
  } as const;
  const stored = {
    group: 'sorted-set',
    since: '2.0.0',
    arity: -4,
    flags: WRITE | DENYOOM | MOVABLE_KEYS,
    keys: ONE_KEY,
    keysOf: numberedKeys(2, true),
  } as const;
  return [
    {
      ...answered,
      name: 'zunion',
      summary: 'Returns the union of multiple sorted sets.',
      run: (call) => answer(types, call, ANSWERED_WEIGHTED, union),
    },
    {
      ...answered,
      name: 'zinter',
      summary: 'Returns the intersect of multiple sorted sets.',
      run: (call) => answer(types, call, ANSWERED_WEIGHTED, intersection),
    },
    {
      ...answered,
      name: 'zdiff',
      summary: 'Returns the difference between multiple sorted sets.',
      run: (call) => answer(types, call, ANSWERED_PLAIN, difference),
    },
    {
      ...answered,
      name: 'zintercard',
      since: '7.0.0',
      summary: 'Returns the number of members of the intersect of multiple sorted sets.',
      run: (call) => zintercard(types, call),
    },
    {
      ...stored,
      name: 'zunionstore',
      summary: 'Stores the union of multiple sorted sets in a key.',
      run: (call) => store(types, call, STORED_WEIGHTED, union, 'zunionstore'),
    },
    {
      ...stored,
      name: 'zinterstore',
      summary: 'Stores the intersect of multiple sorted sets in a key.',
      run: (call) => store(types, call, STORED_WEIGHTED, intersection, 'zinterstore'),
    },
    {
      ...stored,
      name: 'zdiffstore',
      since: '6.2.0',
      summary: 'Stores the difference of multiple sorted sets in a key.',
      run: (call) => store(types, call, STORED_PLAIN, difference, 'zdiffstore'),
    },
  ];
}
