/**
 * SORT and SORT_RO: the elements of a list, a set or a sorted set in order of themselves or of other keys' values.
 * Source: Valkey 9.1 sort.c.
 */
import { mayTouchEveryKey } from '../acl/check.ts';
import { HASH, LIST, SET, STRING, ZSET } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_LIST } from '../keyspace/events.ts';
import { slotOf } from '../keyspace/slot.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_SYNTAX, ERR_WRONG_TYPE } from '../protocol/errors.ts';
import { latin1, parseInteger } from '../protocol/numbers.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, DANGEROUS, DENYOOM, MOVABLE_KEYS, ONE_KEY, READONLY, WRITE } from './command.ts';
import { KEY_ACCESS } from './key-specs.ts';
import { patternSlot } from './keys-scan.ts';
import { ByteStrings, sortedIndexes } from './sort-order.ts';

const ERR_SCORES = "ERR One or more scores can't be converted into double";
const errCluster = (option: string): string =>
  `ERR ${option} option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.`;
const errPermissions = (option: string): string =>
  `ERR ${option} option of SORT denied due to insufficient ACL permissions.`;

const STAR = 42;
const NO_BYTES = new Uint8Array(0); // constant

/** A pattern of BY or GET: `prefix*suffix`, or `prefix*suffix->field`; `#` is the element itself. */
interface Pattern {
  readonly element: boolean;
  /** Without a `*` there is nothing to look up. */
  readonly star: number;
  readonly bytes: Uint8Array;
  readonly suffixEnd: number;
  readonly field: Uint8Array | null;
}

interface SortOptions {
  readonly descending: boolean;
  readonly alphabetic: boolean;
  readonly offset: number;
  readonly limit: number;
  readonly by: Pattern | null;
  /** BY a pattern without `*`: the order stays. */
  readonly keepsOrder: boolean;
  readonly get: readonly Pattern[];
  /** The argument of STORE, 0 without it. */
  readonly storeIndex: number;
}

function sort(types: Types, call: Call, readOnly: boolean): void {
  let options = optionsOf(call, readOnly);
  if (options === null) return;
  const { database } = call;
  const found = call.find(1);
  const { view } = database;
  const type = found === NONE ? LIST : view.type;
  if (type !== LIST && type !== SET && type !== ZSET) {
    call.fail(ERR_WRONG_TYPE);
    return;
  }
  // A set has no order of its own: what is stored, or seen by a script, must be the same everywhere.
  if (options.keepsOrder && type === SET && (options.storeIndex > 0 || call.inScript)) {
    options = { ...options, keepsOrder: false, alphabetic: true, by: null };
  }
  const elements = new ByteStrings();
  if (found !== NONE) gather(types, type, view.encoding, view.root(), elements);
  const order = orderOf(types, call, type, elements, options);
  if (order === null) return;
  const { from, to } = limits(options, elements.count);
  if (options.storeIndex > 0) store(types, call, elements, order, from, to, options);
  else reply(types, call, elements, order, from, to, options);
}

function optionsOf(call: Call, readOnly: boolean): SortOptions | null {
  let descending = false;
  let alphabetic = false;
  let offset = 0;
  let limit = -1;
  let by: Pattern | null = null;
  let keepsOrder = false;
  let storeIndex = 0;
  const get: Pattern[] = [];
  for (let i = 2; i < call.count; i++) {
    const left = call.count - i - 1;
    if (call.is(i, 'ASC')) descending = false;
    else if (call.is(i, 'DESC')) descending = true;
    else if (call.is(i, 'ALPHA')) alphabetic = true;
    else if (call.is(i, 'LIMIT') && left >= 2) {
      offset = call.integer(i + 1);
      if (call.failed) return null;
      limit = call.integer(i + 2);
      if (call.failed) return null;
      i += 2;
    } else if (!readOnly && call.is(i, 'STORE') && left >= 1) storeIndex = ++i;
    else if (call.is(i, 'BY') && left >= 1) {
      by = patternOf(call, ++i);
      if (by.star < 0) keepsOrder = true;
      else if (!permits(call, by, 'BY')) return null;
    } else if (call.is(i, 'GET') && left >= 1) {
      const pattern = patternOf(call, ++i);
      if (!permits(call, pattern, 'GET')) return null;
      get.push(pattern);
    } else {
      call.fail(ERR_SYNTAX);
      return null;
    }
  }
  return { descending, alphabetic, offset, limit, by, keepsOrder, get, storeIndex };
}

function patternOf(call: Call, index: number): Pattern {
  const bytes = call.copy(index);
  const star = bytes.indexOf(STAR);
  const element = bytes.length === 1 && bytes[0] === 35;
  let suffixEnd = bytes.length;
  let field: Uint8Array | null = null;
  if (star >= 0) {
    const arrow = latin1(bytes, star + 1, bytes.length).indexOf('->');
    if (arrow >= 0 && star + 1 + arrow + 2 < bytes.length) {
      suffixEnd = star + 1 + arrow;
      field = bytes.subarray(suffixEnd + 2);
    }
  }
  return { element, star, bytes, suffixEnd, field };
}

/** Other keys are read: in cluster mode they must be in the sorted key's slot, and the user must be allowed to read any. */
function permits(call: Call, pattern: Pattern, option: string): boolean {
  const { keyspace } = call;
  if (
    keyspace.slots > 1 &&
    !pattern.element &&
    patternSlot(pattern.bytes) !== slotOf(call.bytes, call.starts[1]!, call.ends[1]!)
  ) {
    call.fail(errCluster(option));
    return false;
  }
  if (!mayTouchEveryKey(call.client.user, KEY_ACCESS)) {
    call.fail(errPermissions(option));
    return false;
  }
  return true;
}

function gather(types: Types, type: number, encoding: number, root: number, elements: ByteStrings): void {
  if (type === ZSET) {
    const { sortedSets } = types;
    sortedSets.open(encoding, root);
    for (let more = sortedSets.seekRank(0); more; more = sortedSets.next()) {
      elements.push(sortedSets.segment, sortedSets.from, sortedSets.to);
    }
    return;
  }
  const { walk } = types;
  walk.open(type, encoding, root);
  while (walk.next()) elements.push(walk.segment, walk.from, walk.to);
}

/** The elements' numbers in the order asked for; null when an error was answered. */
function orderOf(
  types: Types,
  call: Call,
  type: number,
  elements: ByteStrings,
  options: SortOptions,
): Int32Array | null {
  const { count } = elements;
  const { by, alphabetic, descending } = options;
  if (options.keepsOrder) {
    const order = Int32Array.from({ length: count }, (_, index) => index);
    // A set has no order that could be turned round.
    return descending && type !== SET ? order.reverse() : order;
  }
  const keys = new Float64Array(count);
  let ties = elements;
  if (by === null) {
    const common = alphabetic ? elements.commonBytes() : 0;
    for (let i = 0; i < count; i++) keys[i] = alphabetic ? elements.prefixOf(i, common) : numberOf(elements, i);
  } else {
    const values = valuesBy(types, call, by, elements);
    if (alphabetic) ties = values;
    const common = alphabetic ? values.commonBytes() : 0;
    for (let i = 0; i < count; i++) {
      // Without a value: before all others, or as 0.
      if (values.bounds[2 * i + 1] === MISSING) keys[i] = alphabetic ? -1 : 0;
      else keys[i] = alphabetic ? values.prefixOf(i, common) : numberOf(values, i);
    }
  }
  if (!alphabetic && keys.some(Number.isNaN)) {
    call.fail(ERR_SCORES);
    return null;
  }
  return sortedIndexes(keys, ties, descending);
}

/** The end of a value that is not there. */
const MISSING = -1;

function valuesBy(types: Types, call: Call, by: Pattern, elements: ByteStrings): ByteStrings {
  const values = new ByteStrings();
  const lookUp = new LookUp(types, call);
  for (let i = 0; i < elements.count; i++) {
    if (lookUp.find(by, elements, i)) values.push(lookUp.segment, lookUp.from, lookUp.to);
    else values.push(NO_BYTES, 0, MISSING);
  }
  return values;
}

const DOUBLE = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** The number that an element is; NaN for none. */
function numberOf(strings: ByteStrings, i: number): number {
  const segment = strings.segments[i]!;
  const from = strings.bounds[2 * i]!;
  const to = strings.bounds[2 * i + 1]!;
  if (to - from <= 15) {
    const integer = parseInteger(segment, from, to);
    if (!Number.isNaN(integer)) return integer;
  }
  // To Valkey a number ends at the first zero byte.
  const text = latin1(segment, from, to).split('\0', 1)[0]!;
  if (DOUBLE.test(text)) {
    const value = Number(text);
    const underflows = value === 0 && /[1-9]/.test(text.replace(/e.*/i, ''));
    return Number.isFinite(value) && !underflows ? value : Number.NaN;
  }
  if (/^[+-]?(inf|infinity)$/i.test(text)) return text[0] === '-' ? -Infinity : Infinity;
  return Number.NaN;
}

function limits(options: SortOptions, count: number): { readonly from: number; readonly to: number } {
  const from = Math.min(Math.max(options.offset, 0), count);
  const length = options.limit < 0 ? count : Math.min(options.limit, count);
  return { from, to: Math.min(count, from + length) };
}

function reply(
  types: Types,
  call: Call,
  elements: ByteStrings,
  order: Int32Array,
  from: number,
  to: number,
  options: SortOptions,
): void {
  const { reply } = call;
  const { get } = options;
  reply.array((to - from) * Math.max(1, get.length));
  if (get.length === 0) {
    for (let rank = from; rank < to; rank++) {
      const i = order[rank]!;
      reply.bulk(elements.segments[i]!, elements.bounds[2 * i]!, elements.bounds[2 * i + 1]!);
    }
    return;
  }
  const lookUp = new LookUp(types, call);
  for (let rank = from; rank < to; rank++) {
    for (const pattern of get) {
      if (lookUp.find(pattern, elements, order[rank]!)) reply.bulk(lookUp.segment, lookUp.from, lookUp.to);
      else reply.nil();
    }
  }
}

function store(
  types: Types,
  call: Call,
  elements: ByteStrings,
  order: Int32Array,
  from: number,
  to: number,
  options: SortOptions,
): void {
  const { database, bytes, starts, ends } = call;
  const { get, storeIndex } = options;
  const count = (to - from) * Math.max(1, get.length);
  if (count === 0) {
    if (call.findForWrite(storeIndex) !== NONE) {
      database.remove();
      call.changed();
      call.notify(EVENT_GENERIC, 'del', storeIndex);
    }
    call.reply.integer(0);
    return;
  }
  const lists = types.otherLists;
  lists.create();
  const lookUp = new LookUp(types, call);
  for (let rank = from; rank < to; rank++) {
    const i = order[rank]!;
    if (get.length === 0) lists.append(elements.segments[i]!, elements.bounds[2 * i]!, elements.bounds[2 * i + 1]!);
    for (const pattern of get) {
      if (lookUp.find(pattern, elements, i)) lists.append(lookUp.segment, lookUp.from, lookUp.to);
      else lists.append(NO_BYTES, 0, 0);
    }
  }
  call.findForWrite(storeIndex);
  database.putCollection(bytes, starts[storeIndex]!, ends[storeIndex]!, LIST, lists.encoding, lists.root);
  call.changed(count);
  call.notify(EVENT_LIST, 'sortstore', storeIndex);
  call.reply.integer(count);
}

/** Finds what a pattern gives for an element. */
class LookUp {
  /** What was found: segment[from, to). */
  segment: Uint8Array = NO_BYTES;
  from = 0;
  to = 0;
  private key = new Uint8Array(64);
  private readonly types: Types;
  private readonly call: Call;

  constructor(types: Types, call: Call) {
    this.types = types;
    this.call = call;
  }

  find(pattern: Pattern, elements: ByteStrings, i: number): boolean {
    const element = elements.segments[i]!;
    const elementFrom = elements.bounds[2 * i]!;
    const elementTo = elements.bounds[2 * i + 1]!;
    if (pattern.element) {
      this.segment = element;
      this.from = elementFrom;
      this.to = elementTo;
      return true;
    }
    if (pattern.star < 0) return false;
    const { database } = this.call;
    const length = this.makeKey(pattern, element, elementFrom, elementTo);
    if (database.find(this.key, 0, length) === NONE) return false;
    const { view } = database;
    if (pattern.field === null) {
      if (view.type !== STRING) return false;
      this.from = database.openString();
      this.segment = database.valueSegment;
      this.to = this.from + view.stringLength();
      return true;
    }
    if (view.type !== HASH) return false;
    const { hashes } = this.types;
    if (!hashes.openFound(database).get(pattern.field, 0, pattern.field.length)) return false;
    this.segment = hashes.segment;
    this.from = hashes.from;
    this.to = hashes.to;
    return true;
  }

  /** The pattern with the element in place of its star; returns the key's length. */
  private makeKey(pattern: Pattern, element: Uint8Array, from: number, to: number): number {
    const { star, bytes, suffixEnd } = pattern;
    const length = suffixEnd - 1 + to - from;
    if (length > this.key.length) this.key = new Uint8Array(length * 2);
    const { key } = this;
    let at = 0;
    for (let k = 0; k < star; k++) key[at++] = bytes[k]!;
    for (let k = from; k < to; k++) key[at++] = element[k]!;
    for (let k = star + 1; k < suffixEnd; k++) key[at++] = bytes[k]!;
    return length;
  }
}

function sortKeys(call: Call, found: (index: number) => void): void {
  found(1);
  let storeIndex = 0;
  for (let i = 2; i < call.count; i++) {
    if (call.is(i, 'LIMIT')) i += 2;
    else if (call.is(i, 'GET') || call.is(i, 'BY')) i++;
    else if (call.is(i, 'STORE') && i + 1 < call.count) storeIndex = ++i;
  }
  if (storeIndex > 0) found(storeIndex);
}

export function sortCommands(types: Types): readonly Command[] {
  return [
    {
      name: 'sort',
      arity: -2,
      group: 'generic',
      since: '1.0.0',
      flags: WRITE | DENYOOM | MOVABLE_KEYS | DANGEROUS,
      keys: ONE_KEY,
      keysOf: sortKeys,
      summary: 'Sorts the elements in a list, a set, or a sorted set, optionally storing the result.',
      run: (call) => sort(types, call, false),
    },
    {
      name: 'sort_ro',
      arity: -2,
      group: 'generic',
      since: '7.0.0',
      flags: READONLY | MOVABLE_KEYS | DANGEROUS,
      keys: ONE_KEY,
      keysOf: (_, found) => found(1),
      summary: 'Returns the sorted elements of a list, a set, or a sorted set.',
      run: (call) => sort(types, call, true),
    },
  ];
}
