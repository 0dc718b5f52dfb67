/**
 * Commands on the entries of streams: XADD, XDEL, XTRIM, XLEN, XRANGE, XREVRANGE, XSETID. Hot file: XADD allocates nothing.
 * Source: Valkey 9.1 t_stream.c.
 */
import { STREAM } from '../keyspace/entry.ts';
import { EVENT_STREAM } from '../keyspace/events.ts';
import { NOT_AN_ID, PARSED, StreamId } from '../memory/stream-id.ts';
import { ERR_ARITY, ERR_NO_KEY, ERR_SYNTAX } from '../protocol/errors.ts';
import { TRIM_BY_ID, TRIM_BY_LENGTH, type Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { IMPORT_CLIENT, STREAM_CLIENT } from './client.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';
import { ERR_STREAM_ID, STRICT, StreamDesk } from './streams-common.ts';
import { streamGroupCommands } from './streams-groups.ts';
import { streamInfoCommands } from './streams-info.ts';
import { streamPendingCommands } from './streams-pending.ts';
import { streamReadCommands } from './streams-read.ts';

/** Entries in so many nodes are what an approximate trimming removes at a time when LIMIT does not say. */
const DEFAULT_TRIMMED_NODES = 100;
const LEAST_UNLIMITED = 10_000;
const MOST_UNLIMITED = 1_000_000;

const NO_TRIMMING = 0;
const STAR = 42;

/** What XADD and XTRIM were told: one instance, overwritten by each call. */
class TrimOptions {
  by = NO_TRIMMING;
  length = 0;
  readonly id = new StreamId();
  approximate = false;
  limit = 0;
  /** Where the length or id stands. */
  argument = 0;
  noMakeStream = false;
  /** Of XADD: where the id stands, whether it is given, and its sequence. */
  idArgument = 0;
  idGiven = false;
  sequenceGiven = false;

  begin(): void {
    this.by = NO_TRIMMING;
    this.length = 0;
    this.approximate = false;
    this.limit = 0;
    this.argument = 0;
    this.noMakeStream = false;
    this.idArgument = 0;
    this.idGiven = false;
    this.sequenceGiven = false;
  }
}

export function streamCommands(types: Types): readonly Command[] {
  const desk = new StreamDesk(types);
  const options = new TrimOptions();
  const row = { group: 'stream', keys: ONE_KEY } as const;
  return [
    {
      ...row,
      name: 'xadd',
      arity: -5,
      since: '5.0.0',
      flags: WRITE | DENYOOM | FAST,
      summary: "Appends a new message to a stream. Creates the key if it doesn't exist.",
      run: (call) => xadd(desk, options, call),
    },
    {
      ...row,
      name: 'xdel',
      arity: -3,
      since: '5.0.0',
      flags: WRITE | FAST,
      summary: 'Returns the number of messages after removing them from a stream.',
      run: (call) => xdel(desk, call),
    },
    {
      ...row,
      name: 'xtrim',
      arity: -4,
      since: '5.0.0',
      flags: WRITE,
      summary: 'Deletes messages from the beginning of a stream.',
      run: (call) => xtrim(desk, options, call),
    },
    {
      ...row,
      name: 'xlen',
      arity: 2,
      since: '5.0.0',
      flags: READONLY | FAST,
      summary: 'Returns the number of messages in a stream.',
      run: (call) => xlen(desk, call),
    },
    {
      ...row,
      name: 'xrange',
      arity: -4,
      since: '5.0.0',
      flags: READONLY,
      summary: 'Returns the messages from a stream within a range of IDs.',
      run: (call) => xrange(desk, call, false),
    },
    {
      ...row,
      name: 'xrevrange',
      arity: -4,
      since: '5.0.0',
      flags: READONLY,
      summary: 'Returns the messages from a stream within a range of IDs in reverse order.',
      run: (call) => xrange(desk, call, true),
    },
    {
      ...row,
      name: 'xsetid',
      arity: -3,
      since: '5.0.0',
      flags: WRITE | DENYOOM | FAST,
      summary: 'An internal command for replicating stream values.',
      run: (call) => xsetid(desk, call),
    },
    ...streamReadCommands(desk),
    ...streamGroupCommands(desk),
    ...streamPendingCommands(desk),
    ...streamInfoCommands(desk),
  ];
}

/** Reads the options of XADD, up to its id, or of XTRIM; false after an error. */
function readOptions(desk: StreamDesk, options: TrimOptions, call: Call, adds: boolean): boolean {
  options.begin();
  let limitGiven = false;
  let i = 2;
  for (; i < call.count; i++) {
    const more = call.count - 1 - i;
    if (adds && isByte(call, i, STAR)) break;
    const byLength = more > 0 && call.is(i, 'MAXLEN');
    if (byLength || (more > 0 && call.is(i, 'MINID'))) {
      if (options.by !== NO_TRIMMING) {
        call.fail('ERR syntax error, MAXLEN and MINID options at the same time are not compatible');
        return false;
      }
      options.approximate = false;
      if (more >= 2 && call.is(i + 1, '~')) {
        options.approximate = true;
        i++;
      } else if (more >= 2 && call.is(i + 1, '=')) i++;
      i++;
      if (byLength) {
        options.length = call.integer(i);
        if (call.failed) return false;
        if (options.length < 0) {
          call.fail('ERR The MAXLEN argument must be >= 0.');
          return false;
        }
      } else if (!desk.readId(call, i, options.id, STRICT)) return false;
      options.by = byLength ? TRIM_BY_LENGTH : TRIM_BY_ID;
      options.argument = i;
    } else if (more > 0 && call.is(i, 'LIMIT')) {
      options.limit = call.integer(++i);
      if (call.failed) return false;
      if (options.limit < 0) {
        call.fail('ERR The LIMIT argument must be >= 0.');
        return false;
      }
      limitGiven = true;
    } else if (adds && call.is(i, 'NOMKSTREAM')) options.noMakeStream = true;
    else if (adds) {
      const parsed = desk.id.parse(call.bytes, call.starts[i]!, call.ends[i]!, STRICT, false, true);
      if (parsed === NOT_AN_ID) {
        call.fail(ERR_STREAM_ID);
        return false;
      }
      options.idGiven = true;
      options.sequenceGiven = parsed === PARSED;
      break;
    } else {
      call.fail(ERR_SYNTAX);
      return false;
    }
  }
  options.idArgument = i;
  return checkLimit(desk, options, call, adds, limitGiven);
}

function checkLimit(desk: StreamDesk, options: TrimOptions, call: Call, adds: boolean, limitGiven: boolean): boolean {
  if (options.limit > 0 && options.by === NO_TRIMMING) {
    call.fail('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy');
    return false;
  }
  if (!adds && options.by === NO_TRIMMING) {
    call.fail('ERR syntax error, XTRIM must be called with a trimming strategy');
    return false;
  }
  const { kind } = call.client;
  if (kind === STREAM_CLIENT || kind === IMPORT_CLIENT) options.limit = 0;
  else if (limitGiven) {
    if (options.approximate) return true;
    call.fail('ERR syntax error, LIMIT cannot be used without the special ~ option');
    return false;
  } else if (options.approximate) {
    const wanted = DEFAULT_TRIMMED_NODES * desk.types.streamNodeEntries;
    options.limit = wanted <= 0 ? LEAST_UNLIMITED : Math.min(wanted, MOST_UNLIMITED);
  }
  return true;
}

function isByte(call: Call, index: number, byte: number): boolean {
  return call.length(index) === 1 && call.bytes[call.starts[index]!] === byte;
}

function xadd(desk: StreamDesk, options: TrimOptions, call: Call): void {
  if (!readOptions(desk, options, call, true)) return;
  const { streams, id } = desk;
  const { database, bytes, starts, ends } = call;
  const first = options.idArgument + 1;
  const strings = call.count - first;
  if (strings < 2 || strings % 2 === 1) return call.fail(ERR_ARITY(call.entry.fullName));
  if (options.idGiven && options.sequenceGiven && id.isZero)
    return call.fail('ERR The ID specified in XADD must be greater than 0-0');
  const found = desk.openForWrite(call);
  if (call.failed) return;
  if (!found) {
    if (options.noMakeStream) return call.reply.nil();
    desk.start.setZero();
  } else desk.start.set(streams.lastId);
  const last = desk.start;
  if (last.isMaximum) return call.fail('ERR The stream has exhausted the last possible ID, unable to add more items');
  if (!chooseId(options, call, id, last))
    return call.fail('ERR The ID specified in XADD is equal or smaller than the target stream top item');
  if (found) database.beginChange();
  else streams.create();
  streams.append(id, bytes, starts, ends, first, strings >> 1);
  if (!found) database.putCollection(bytes, starts[1]!, ends[1]!, STREAM, 0, streams.root);
  desk.replyId(call, id);
  call.notify(EVENT_STREAM, 'xadd');
  call.changed();
  if (options.by !== NO_TRIMMING && trim(desk, options) > 0) call.notify(EVENT_STREAM, 'xtrim');
  if (options.approximate || !options.idGiven || !options.sequenceGiven)
    propagateExactly(desk, options, call, options.sequenceGiven ? null : id);
}

/** Makes `id` the id to add by: the given one, with the next sequence of its millisecond, or that of now. False when it is no later one. */
function chooseId(options: TrimOptions, call: Call, id: StreamId, last: StreamId): boolean {
  if (!options.idGiven) {
    id.setNumbers(call.nowMs, 0);
    if (id.msHigh < last.msHigh || (id.msHigh === last.msHigh && id.msLow <= last.msLow)) id.set(last).increment();
  } else if (!options.sequenceGiven && id.sameMs(last)) {
    if (last.hasLastSequence) return false;
    id.set(last).increment();
  }
  return id.compare(last) > 0;
}

function trim(desk: StreamDesk, options: TrimOptions): number {
  return desk.streams.trim(options.by, options.length, options.id, options.approximate, options.limit);
}

/** In the log a trimming is exact, and an added entry has its id. */
function propagateExactly(desk: StreamDesk, options: TrimOptions, call: Call, id: StreamId | null): void {
  const { forms, streams, end } = desk;
  forms.begin();
  forms.next();
  for (let i = 0; i < call.count; i++) {
    if (options.approximate && i === options.argument - 1) forms.text('=');
    else if (options.approximate && i === options.argument) {
      if (options.by === TRIM_BY_LENGTH) forms.number(streams.length);
      else {
        streams.firstWithDeleted(end);
        forms.id(end);
      }
    } else if (id !== null && i === options.idArgument) forms.id(id);
    else forms.copy(call, i);
  }
  forms.propagate(call);
}

function xtrim(desk: StreamDesk, options: TrimOptions, call: Call): void {
  if (!readOptions(desk, options, call, false)) return;
  if (!desk.openForWrite(call)) {
    if (!call.failed) call.reply.integer(0);
    return;
  }
  desk.beginQuietChange(call);
  const removed = trim(desk, options);
  if (removed > 0) {
    // Only what removes something is a change to WATCH.
    call.database.beginChange();
    call.notify(EVENT_STREAM, 'xtrim');
    call.changed(removed);
    if (options.approximate) propagateExactly(desk, options, call, null);
  }
  call.reply.integer(removed);
}

function xdel(desk: StreamDesk, call: Call): void {
  const { streams, id } = desk;
  if (!desk.openForWrite(call)) {
    if (!call.failed) call.reply.integer(0);
    return;
  }
  for (let i = 2; i < call.count; i++) if (!desk.readId(call, i, id, STRICT)) return;
  let removed = 0;
  let firstRemoved = false;
  for (let i = 2; i < call.count; i++) {
    desk.readId(call, i, id, STRICT);
    if (!streams.has(id)) continue;
    if (removed++ === 0) call.database.beginChange();
    streams.remove(id);
    if (id.compare(streams.firstId) === 0) firstRemoved = true;
    if (id.compare(streams.maxDeletedId) > 0) streams.maxDeletedId.set(id);
  }
  if (removed > 0) {
    if (firstRemoved || streams.length === 0) streams.refreshFirstId();
    streams.save();
    call.notify(EVENT_STREAM, 'xdel');
    call.changed(removed);
  }
  call.reply.integer(removed);
}

function xlen(desk: StreamDesk, call: Call): void {
  if (desk.open(call)) call.reply.integer(desk.streams.length);
  else if (!call.failed) call.reply.integer(0);
}

function xrange(desk: StreamDesk, call: Call, backwards: boolean): void {
  if (!desk.readRange(call, backwards ? 3 : 2, backwards ? 2 : 3)) return;
  let count = -1;
  for (let i = 4; i < call.count; i += 2) {
    if (!call.is(i, 'COUNT') || i + 1 === call.count) return call.fail(ERR_SYNTAX);
    count = Math.max(0, call.integer(i + 1));
    if (call.failed) return;
  }
  if (!desk.open(call)) {
    if (!call.failed) call.reply.array(0);
    return;
  }
  if (count === 0) call.reply.nilArray();
  else desk.replyRange(call, desk.start, desk.end, Math.max(0, count), backwards);
}

function xsetid(desk: StreamDesk, call: Call): void {
  const { streams, id, start: maxDeleted, end: last } = desk;
  if (!desk.readId(call, 2, id, STRICT)) return;
  maxDeleted.setZero();
  let entriesAdded = -1;
  for (let i = 3; i < call.count; i += 2) {
    const more = i + 1 < call.count;
    if (more && call.is(i, 'ENTRIESADDED')) {
      entriesAdded = call.integer(i + 1);
      if (call.failed) return;
      if (entriesAdded < 0) return call.fail('ERR entries_added must be positive');
    } else if (more && call.is(i, 'MAXDELETEDID')) {
      if (!desk.readId(call, i + 1, maxDeleted, STRICT)) return;
      if (id.compare(maxDeleted) < 0)
        return call.fail('ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id');
    } else return call.fail(ERR_SYNTAX);
  }
  if (!desk.openForWrite(call)) {
    if (!call.failed) call.fail(ERR_NO_KEY);
    return;
  }
  if (id.compare(streams.maxDeletedId) < 0)
    return call.fail('ERR The ID specified in XSETID is smaller than current max_deleted_entry_id');
  if (streams.length > 0) {
    if (streams.edge(false, last) && id.compare(last) < 0)
      return call.fail('ERR The ID specified in XSETID is smaller than the target stream top item');
    if (entriesAdded !== -1 && streams.length > entriesAdded)
      return call.fail('ERR The entries_added specified in XSETID is smaller than the target stream length');
  }
  desk.beginQuietChange(call);
  streams.lastId.set(id);
  if (entriesAdded !== -1) streams.entriesAdded = entriesAdded;
  if (!maxDeleted.isZero) streams.maxDeletedId.set(maxDeleted);
  streams.save();
  call.reply.ok();
  call.changed();
  call.notify(EVENT_STREAM, 'xsetid');
}
