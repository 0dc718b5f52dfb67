/**
 * XREAD and XREADGROUP, which also wait. Hot file: nothing allocates per entry.
 * Source: Valkey 9.1 t_stream.c xreadCommand.
 */
import { STREAM } from '../keyspace/entry.ts';
import { EVENT_STREAM } from '../keyspace/events.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { StreamId } from '../memory/stream-id.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_SYNTAX, ERR_WRONG_TYPE } from '../protocol/errors.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import { countRead } from '../types/index.ts';
import type { Call } from './call.ts';
import { BLOCKING, type Command, MOVABLE_KEYS, NO_KEYS, READONLY, WRITE } from './command.ts';
import { STRICT, type StreamDesk } from './streams-common.ts';

const DOLLAR = 36;
const PLUS = 43;
const GREATER = 62;
/** No BLOCK was given. */
const NO_WAIT = -1;
/** Ids and groups of so many streams are kept between calls. */
const KEPT_STREAMS = 64;

/** What a call asks for: one instance, overwritten by each. */
class ReadOptions {
  /** Ids are `>`, whose place a group knows. */
  readonly fromGroup: boolean;
  timeoutMs = NO_WAIT;
  count = 0;
  noAck = false;
  /** Argument index of the group's name, its consumer's follows; 0 for none. */
  group = 0;
  /** Argument index of the first key, and how many there are. */
  firstKey = 0;
  keys = 0;
  ids: StreamId[] = [];
  /** By key: the group's address. */
  groups: Int32Array = new Int32Array(KEPT_STREAMS);

  constructor(fromGroup: boolean) {
    this.fromGroup = fromGroup;
  }

  begin(): void {
    this.timeoutMs = NO_WAIT;
    this.count = 0;
    this.noAck = false;
    this.group = 0;
    this.firstKey = 0;
    this.keys = 0;
  }

  ensure(keys: number): void {
    while (this.ids.length < keys) this.ids.push(new StreamId());
    if (this.groups.length < keys) this.groups = new Int32Array(keys);
  }

  release(): void {
    if (this.keys > KEPT_STREAMS) this.ids.length = KEPT_STREAMS;
  }
}

export function streamReadCommands(desk: StreamDesk): readonly Command[] {
  const row = { group: 'stream', since: '5.0.0', keys: NO_KEYS } as const;
  const alone = new ReadOptions(false);
  const grouped = new ReadOptions(true);
  return [
    {
      ...row,
      name: 'xread',
      arity: -4,
      flags: READONLY | BLOCKING | MOVABLE_KEYS,
      keysOf: (call, found) => keysAfterStreams(call, 1, found),
      summary:
        'Returns messages from multiple streams with IDs greater than the ones requested. Blocks until a message is available otherwise.',
      run: (call) => read(desk, alone, call),
    },
    {
      ...row,
      name: 'xreadgroup',
      arity: -7,
      flags: WRITE | BLOCKING | MOVABLE_KEYS,
      keysOf: (call, found) => keysAfterStreams(call, 4, found),
      summary:
        'Returns new or historical messages from a stream for a consumer in a group. Blocks until a message is available otherwise.',
      run: (call) => read(desk, grouped, call),
    },
  ];
}

/** The first half of what follows the word STREAMS. */
function keysAfterStreams(call: Call, from: number, found: (index: number) => void): void {
  for (let i = from; i < call.count - 1; i++) {
    if (!call.is(i, 'STREAMS')) continue;
    const keys = (call.count - i - 1) >> 1;
    for (let key = i + 1; key <= i + keys; key++) found(key);
    return;
  }
}

function read(desk: StreamDesk, options: ReadOptions, call: Call): void {
  if (!readOptions(options, call)) return;
  desk.forms.begin();
  options.ensure(options.keys);
  let answered = false;
  for (let i = 0; i < options.keys; i++) if (!readPlace(desk, options, call, i)) return;
  // The changes of groups are told to replicas in forms of their own, and history's not at all.
  if (options.fromGroup) desk.forms.propagate(call);
  const mark = call.reply.mark();
  let served = 0;
  for (let i = 0; i < options.keys; i++) if (serve(desk, options, call, i)) served++;
  if (served > 0) {
    if (call.reply.protocol === 2) call.reply.arrayFrom(mark, served);
    else call.reply.mapFrom(mark, served);
    answered = true;
  }
  if (!answered) wait(options, call);
  options.release();
}

function readOptions(options: ReadOptions, call: Call): boolean {
  options.begin();
  for (let i = 1; i < call.count; i++) {
    const more = call.count - i - 1;
    if (more > 0 && call.is(i, 'BLOCK')) options.timeoutMs = call.timeoutMilliseconds(++i);
    else if (more > 0 && call.is(i, 'COUNT')) options.count = Math.max(0, call.integer(++i));
    else if (more > 0 && call.is(i, 'STREAMS')) {
      options.firstKey = i + 1;
      options.keys = more >> 1;
      if (more % 2 !== 0) {
        const symbol = options.fromGroup ? '>' : '$';
        call.fail(
          `ERR Unbalanced '${call.entry.fullName}' list of streams: for each stream key an ID or '${symbol}' must be specified.`,
        );
      }
      break;
    } else if (more >= 2 && call.is(i, 'GROUP')) {
      if (!options.fromGroup) call.fail(errOnlyGroup('GROUP'));
      options.group = i + 1;
      i += 2;
    } else if (call.is(i, 'NOACK')) {
      if (!options.fromGroup) call.fail(errOnlyGroup('NOACK'));
      options.noAck = true;
    } else call.fail(ERR_SYNTAX);
    if (call.failed) return false;
  }
  if (!call.failed && options.firstKey === 0) call.fail(ERR_SYNTAX);
  if (!call.failed && options.fromGroup && options.group === 0) call.fail('ERR Missing GROUP option for XREADGROUP');
  return !call.failed;
}

function errOnlyGroup(option: string): string {
  return `ERR The ${option} option is only supported by XREADGROUP. You called XREAD instead.`;
}

function errMeaningless(symbol: string): string {
  return `ERR The ${symbol} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The ${symbol} ID would just return an empty result set.`;
}

/** Reads after which id the entries of stream `i` are wanted, and finds its group; false after an error. */
function readPlace(desk: StreamDesk, options: ReadOptions, call: Call, i: number): boolean {
  const key = options.firstKey + i;
  const index = key + options.keys;
  const id = options.ids[i]!;
  const found = call.find(key) !== NONE;
  if (found && call.database.view.type !== STREAM) call.fail(ERR_WRONG_TYPE);
  if (call.failed) return false;
  if (found) desk.streams.openFound(call.database);
  if (options.fromGroup) {
    if (!found || !desk.openGroup(call, options.group)) {
      call.fail(
        `NOGROUP No such key '${call.text(key)}' or consumer group '${call.text(options.group)}' in XREADGROUP with GROUP option`,
      );
      return false;
    }
    options.groups[i] = desk.groups.group;
  }
  switch (symbolAt(call, index)) {
    case DOLLAR:
      if (options.fromGroup) call.fail(errMeaningless('$'));
      if (found) id.set(desk.streams.lastId);
      else id.setZero();
      break;
    case PLUS:
      if (options.fromGroup) call.fail(errMeaningless('+'));
      else if (!found || desk.streams.lastId.isZero) id.setZero();
      else id.set(desk.streams.lastId).decrement();
      break;
    case GREATER:
      if (!options.fromGroup) {
        call.fail(
          'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
        );
      }
      id.setMaximum();
      break;
    default:
      desk.readId(call, index, id, STRICT);
  }
  return !call.failed;
}

/** The byte that an argument of one byte is, 0 for a longer one. */
function symbolAt(call: Call, index: number): number {
  return call.length(index) === 1 ? call.bytes[call.starts[index]!]! : 0;
}

/** Writes key and entries of stream `i`, when it has any that are wanted. */
function serve(desk: StreamDesk, options: ReadOptions, call: Call, i: number): boolean {
  const { streams, end, start } = desk;
  const key = options.firstKey + i;
  const after = options.ids[i]!;
  if (call.find(key) === NONE) return false;
  streams.openFound(call.database);
  if (options.fromGroup) return serveGroup(desk, options, call, i);
  if (streams.length === 0 || !streams.edge(false, end) || end.compare(after) <= 0) return false;
  beginStream(call, key);
  start.set(after).increment();
  desk.replyRange(call, start, end.setMaximum(), options.count, false);
  return true;
}

function beginStream(call: Call, key: number): void {
  if (call.reply.protocol === 2) call.reply.array(2);
  call.replyArgument(key);
}

function serveGroup(desk: StreamDesk, options: ReadOptions, call: Call, i: number): boolean {
  const { streams, groups, start, end } = desk;
  const key = options.firstKey + i;
  const after = options.ids[i]!;
  desk.beginQuietChange(call);
  groups.open(streams.root).openGroup(options.groups[i]!);
  const history = !after.isMaximum;
  let serves = history;
  if (!history && streams.length > 0 && streams.edge(false, end) && end.compare(groups.lastId) > 0) {
    serves = true;
    after.set(groups.lastId);
  }
  let consumer = desk.findConsumer(call, options.group + 1);
  if (consumer === NONE) {
    const name = options.group + 1;
    consumer = groups.createConsumer(call.bytes, call.starts[name]!, call.ends[name]!, call.nowMs);
    call.changed();
    call.notify(EVENT_STREAM, 'xgroup-createconsumer', key);
    if (options.noAck) desk.propagateConsumer(call, key, options.group, name);
  }
  groups.setSeen(consumer, call.nowMs);
  if (!serves) return false;
  beginStream(call, key);
  start.set(after).increment();
  if (history) replyHistory(desk, call, consumer, start, options.count);
  else deliver(desk, options, call, key, consumer);
  call.changed();
  return true;
}

/** Entries that the consumer was given before, from `start` on: each counts as one delivery more. */
function replyHistory(desk: StreamDesk, call: Call, consumer: Address, start: StreamId, count: number): void {
  const { groups, streams, id } = desk;
  const own = groups.openOwn(consumer);
  const mark = call.reply.mark();
  let written = 0;
  own.seek(start);
  for (let more = !own.atEnd; more && (count === 0 || written < count); more = own.next()) {
    own.readId(id);
    if (streams.has(id)) {
      desk.replyEntry(call);
      if (groups.pending.seek(id)) groups.setDelivery(call.nowMs, groups.deliveries + 1);
    } else {
      call.reply.array(2);
      desk.replyId(call, id);
      call.reply.nilArray();
    }
    written++;
  }
  call.reply.arrayFrom(mark, written);
}

/** New entries, from `desk.start` on, which become pending for the consumer. */
function deliver(desk: StreamDesk, options: ReadOptions, call: Call, key: number, consumer: Address): void {
  const { groups, streams, start, end } = desk;
  const { node } = streams;
  const mark = call.reply.mark();
  let written = 0;
  let moved = false;
  streams.range(start, end.setMaximum(), false);
  while (streams.next()) {
    if (node.id.compare(groups.lastId) > 0) {
      countRead(streams, groups, node.id);
      moved = true;
    }
    desk.replyEntry(call);
    if (!options.noAck) {
      if (groups.pending.seek(node.id)) {
        groups.assign(consumer);
        groups.setDelivery(call.nowMs, 1);
      } else groups.addPending(node.id, consumer, call.nowMs, 1);
      groups.setActive(consumer, call.nowMs);
      desk.propagateClaim(call, key, options.group, node.id);
    }
    if (++written === options.count) break;
  }
  groups.saveGroup();
  if (moved) desk.propagateGroupId(call, key, options.group);
  call.reply.arrayFrom(mark, written);
}

function wait(options: ReadOptions, call: Call): void {
  if (options.timeoutMs === NO_WAIT) {
    call.reply.nilArray();
    return;
  }
  const { firstKey, keys, fromGroup } = options;
  call.waitForKeys(firstKey, firstKey + keys - 1, STREAM, options.timeoutMs, nothing, {
    onDeletion: fromGroup,
    args: withoutDollars(options, call),
  });
}

function nothing(reply: ReplyWriter): void {
  reply.nilArray();
}

/** The request with the ids that `$` means now: what comes later is wanted. */
function withoutDollars(options: ReadOptions, call: Call): Arguments {
  const words: (Uint8Array | string)[] = [];
  const text = new Uint8Array(64);
  const firstId = options.firstKey + options.keys;
  for (let i = 0; i < call.count; i++) {
    if (i >= firstId && symbolAt(call, i) === DOLLAR)
      words.push(text.slice(0, options.ids[i - firstId]!.write(text, 0)));
    else words.push(call.copy(i));
  }
  return Arguments.of(...words);
}
