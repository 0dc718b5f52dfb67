/**
 * Commands on the pending entries of consumer groups: XACK, XPENDING, XCLAIM, XAUTOCLAIM. Source: Valkey 9.1 t_stream.c.
 */
import { STREAM } from '../keyspace/entry.ts';
import { EVENT_STREAM } from '../keyspace/events.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { NOT_AN_ID, StreamId } from '../memory/stream-id.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { type Command, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';
import { errNoGroup, STRICT, type StreamDesk } from './streams-common.ts';

const KEY = 1;
const GROUP = 2;
const CONSUMER = 3;
const MIN_IDLE = 4;
const FIRST_ID = 5;
/** XAUTOCLAIM looks at so many entries for each that it may claim. */
const ATTEMPTS_PER_COUNT = 10;
const DEFAULT_AUTOCLAIM_COUNT = 100;
/** What C's `long` holds of Valkey's ids. */
const MAX_AUTOCLAIM_COUNT = 2 ** 59;

export function streamPendingCommands(desk: StreamDesk): readonly Command[] {
  const row = { group: 'stream', since: '5.0.0', keys: ONE_KEY } as const;
  return [
    {
      ...row,
      name: 'xack',
      arity: -4,
      flags: WRITE | FAST,
      summary:
        'Returns the number of messages that were successfully acknowledged by the consumer group member of a stream.',
      run: (call) => xack(desk, call),
    },
    {
      ...row,
      name: 'xpending',
      arity: -3,
      flags: READONLY,
      summary: "Returns the information and entries from a stream consumer group's pending entries list.",
      run: (call) => xpending(desk, call),
    },
    {
      ...row,
      name: 'xclaim',
      arity: -6,
      flags: WRITE | FAST,
      summary:
        'Changes, or acquires, ownership of a message in a consumer group, as if the message was delivered to a consumer group member.',
      run: (call) => xclaim(desk, call),
    },
    {
      ...row,
      name: 'xautoclaim',
      arity: -6,
      since: '6.2.0',
      flags: WRITE | FAST,
      summary:
        'Changes, or acquires, ownership of messages in a consumer group, as if the messages were delivered to a consumer group member.',
      run: (call) => xautoclaim(desk, call),
    },
  ];
}

function xack(desk: StreamDesk, call: Call): void {
  const { groups, id } = desk;
  const found = desk.open(call);
  if (call.failed) return;
  if (!found || !desk.openGroup(call, GROUP)) return call.reply.integer(0);
  for (let i = 3; i < call.count; i++) if (!desk.readId(call, i, id, STRICT)) return;
  let acknowledged = 0;
  for (let i = 3; i < call.count; i++) {
    desk.readId(call, i, id, STRICT);
    if (!groups.pending.seek(id)) continue;
    if (acknowledged++ === 0) desk.beginQuietChange(call);
    groups.removePending();
  }
  if (acknowledged > 0) call.changed(acknowledged);
  call.reply.integer(acknowledged);
}

function xpending(desk: StreamDesk, call: Call): void {
  const summary = call.count === 3;
  if (!summary && (call.count < 6 || call.count > 9)) return call.fail(ERR_SYNTAX);
  let minIdleMs = 0;
  let count = 0;
  let at = 3;
  if (!summary) {
    if (call.is(3, 'IDLE')) {
      minIdleMs = call.integer(4);
      if (call.failed) return;
      if (call.count < 8) return call.fail(ERR_SYNTAX);
      at = 5;
    }
    count = Math.max(0, call.integer(at + 2));
    if (call.failed || !desk.readRange(call, at, at + 1)) return;
  }
  const found = desk.open(call);
  if (call.failed) return;
  if (!found || !desk.openGroup(call, GROUP)) return call.fail(errNoGroup(call, KEY, GROUP));
  if (summary) replySummary(desk, call);
  else replyPending(desk, call, count, minIdleMs, at + 3);
}

function replySummary(desk: StreamDesk, call: Call): void {
  const { groups, id } = desk;
  const { pending, consumers } = groups;
  const { reply } = call;
  reply.array(4);
  reply.integer(pending.count);
  if (pending.count === 0) {
    reply.nil();
    reply.nil();
    reply.nilArray();
    return;
  }
  pending.first();
  desk.replyId(call, pending.readId(id));
  pending.last();
  desk.replyId(call, pending.readId(id));
  const mark = reply.mark();
  let listed = 0;
  for (let i = 0; i < consumers.count; i++) {
    const consumer = consumers.at(i);
    const own = groups.pendingOf(consumer);
    if (own === 0) continue;
    consumers.readName(consumer);
    reply.array(2);
    reply.bulk(consumers.segment, consumers.from, consumers.to);
    reply.bulkInteger(own);
    listed++;
  }
  reply.arrayFrom(mark, listed);
}

/** Pending entries in the desk's range, of the consumer that argument `name` names, if there is such an argument. */
function replyPending(desk: StreamDesk, call: Call, count: number, minIdleMs: number, name: number): void {
  const { groups, id, start, end } = desk;
  const { pending, consumers } = groups;
  const { reply } = call;
  let ids = pending;
  if (name < call.count) {
    const consumer = desk.findConsumer(call, name);
    if (consumer === NONE) return reply.array(0);
    ids = groups.openOwn(consumer);
  }
  const mark = reply.mark();
  let written = 0;
  ids.seek(start);
  for (let more = !ids.atEnd; more && written < count; more = ids.next()) {
    if (ids.readId(id).compare(end) > 0) break;
    if (ids !== pending) pending.seek(id);
    const idleMs = call.nowMs - groups.deliveredAtMs;
    if (minIdleMs !== 0 && idleMs < minIdleMs) continue;
    reply.array(4);
    desk.replyId(call, id);
    consumers.readName(groups.consumer);
    reply.bulk(consumers.segment, consumers.from, consumers.to);
    reply.integer(Math.max(0, idleMs));
    reply.integer(groups.deliveries);
    written++;
  }
  reply.arrayFrom(mark, written);
}

/** Opens stream and group for a claim; answers the error and is false when there are none. */
function openForClaim(desk: StreamDesk, call: Call): boolean {
  const found = call.find(KEY) !== NONE;
  if (found && call.database.view.type !== STREAM) call.findTyped(KEY, STREAM);
  if (call.failed) return false;
  if (found) desk.streams.openFound(call.database);
  if (found && desk.openGroup(call, GROUP)) return true;
  call.fail(errNoGroup(call, KEY, GROUP));
  return false;
}

/** The consumer that claims, made when there is none of its name. */
function claimingConsumer(desk: StreamDesk, call: Call): Address {
  const { groups } = desk;
  let consumer = desk.findConsumer(call, CONSUMER);
  if (consumer === NONE) {
    consumer = groups.createConsumer(call.bytes, call.starts[CONSUMER]!, call.ends[CONSUMER]!, call.nowMs);
    call.changed();
    call.notify(EVENT_STREAM, 'xgroup-createconsumer');
  }
  groups.setSeen(consumer, call.nowMs);
  return consumer;
}

interface ClaimOptions {
  /** Argument index after the last id. */
  idsEnd: number;
  force: boolean;
  justId: boolean;
  deliveredAtMs: number;
  retryCount: number;
  readonly lastId: StreamId;
}

function xclaim(desk: StreamDesk, call: Call): void {
  const { groups, streams, id, forms } = desk;
  if (!openForClaim(desk, call)) return;
  const minIdleMs = call.integer(MIN_IDLE, 'ERR Invalid min-idle-time argument for XCLAIM');
  if (call.failed) return;
  const options = claimOptions(desk, call);
  if (options === null) return;
  forms.begin();
  forms.propagate(call);
  desk.beginQuietChange(call);
  let tellsLastId = false;
  if (options.lastId.compare(groups.lastId) > 0) {
    groups.lastId.set(options.lastId);
    groups.saveGroup();
    tellsLastId = true;
  }
  const consumer = claimingConsumer(desk, call);
  const { reply } = call;
  const mark = reply.mark();
  let claimed = 0;
  for (let i = FIRST_ID; i < options.idsEnd; i++) {
    desk.readId(call, i, id, STRICT);
    let pending = groups.pending.seek(id);
    if (!streams.has(id)) {
      // What is deleted from the stream is pending no longer.
      if (!pending) continue;
      desk.propagateClaim(call, KEY, GROUP, id, i);
      tellsLastId = false;
      call.changed();
      groups.removePending();
      continue;
    }
    if (!pending && options.force) {
      groups.addPending(id, NONE, call.nowMs, 1);
      pending = true;
    }
    if (!pending) continue;
    if (groups.consumer !== NONE && minIdleMs > 0 && call.nowMs - groups.deliveredAtMs < minIdleMs) continue;
    const more = options.justId ? 0 : 1;
    groups.setDelivery(options.deliveredAtMs, options.retryCount >= 0 ? options.retryCount : groups.deliveries + more);
    groups.assign(consumer);
    if (options.justId) desk.replyId(call, id);
    else desk.replyEntry(call);
    claimed++;
    groups.setActive(consumer, call.nowMs);
    desk.propagateClaim(call, KEY, GROUP, id, i);
    tellsLastId = false;
    call.changed();
  }
  if (tellsLastId) {
    desk.propagateGroupId(call, KEY, GROUP);
    call.changed();
  }
  reply.arrayFrom(mark, claimed);
}

/** The ids end where an argument is none; options follow. Null after an error. */
function claimOptions(desk: StreamDesk, call: Call): ClaimOptions | null {
  const options: ClaimOptions = {
    idsEnd: FIRST_ID,
    force: false,
    justId: false,
    deliveredAtMs: -1,
    retryCount: -1,
    lastId: desk.start.setZero(),
  };
  let i = FIRST_ID;
  while (i < call.count && desk.id.parse(call.bytes, call.starts[i]!, call.ends[i]!, STRICT) !== NOT_AN_ID) i++;
  options.idsEnd = i;
  for (; i < call.count; i++) {
    const more = i + 1 < call.count;
    if (call.is(i, 'FORCE')) options.force = true;
    else if (call.is(i, 'JUSTID')) options.justId = true;
    else if (more && call.is(i, 'IDLE'))
      options.deliveredAtMs = call.nowMs - call.integer(++i, 'ERR Invalid IDLE option argument for XCLAIM');
    else if (more && call.is(i, 'TIME'))
      options.deliveredAtMs = call.integer(++i, 'ERR Invalid TIME option argument for XCLAIM');
    else if (more && call.is(i, 'RETRYCOUNT'))
      options.retryCount = call.integer(++i, 'ERR Invalid RETRYCOUNT option argument for XCLAIM');
    else if (more && call.is(i, 'LASTID')) desk.readId(call, ++i, options.lastId, STRICT);
    else call.fail(`ERR Unrecognized XCLAIM option '${call.text(i)}'`);
    if (call.failed) return null;
  }
  if (options.deliveredAtMs < 0 || options.deliveredAtMs > call.nowMs) options.deliveredAtMs = call.nowMs;
  return options;
}

function xautoclaim(desk: StreamDesk, call: Call): void {
  const minIdleMs = call.integer(MIN_IDLE, 'ERR Invalid min-idle-time argument for XAUTOCLAIM');
  if (call.failed || !desk.readBound(call, FIRST_ID, desk.start, false)) return;
  let count = DEFAULT_AUTOCLAIM_COUNT;
  let justId = false;
  for (let i = FIRST_ID + 1; i < call.count; i++) {
    if (i + 1 < call.count && call.is(i, 'COUNT')) {
      count = call.integer(++i, 'ERR COUNT must be > 0');
      if (!call.failed && (count < 1 || count > MAX_AUTOCLAIM_COUNT)) call.fail('ERR COUNT must be > 0');
    } else if (call.is(i, 'JUSTID')) justId = true;
    else call.fail(ERR_SYNTAX);
    if (call.failed) return;
  }
  if (!openForClaim(desk, call)) return;
  const { forms } = desk;
  forms.begin();
  forms.propagate(call);
  desk.beginQuietChange(call);
  claimFrom(desk, call, minIdleMs, count, justId);
}

function claimFrom(desk: StreamDesk, call: Call, minIdleMs: number, count: number, justId: boolean): void {
  const { groups, streams, id } = desk;
  const { pending } = groups;
  const { reply } = call;
  const consumer = claimingConsumer(desk, call);
  const deleted: StreamId[] = [];
  reply.array(3);
  const mark = reply.mark();
  let claimed = 0;
  let left = count;
  pending.seek(desk.start);
  for (let attempts = count * ATTEMPTS_PER_COUNT; attempts > 0 && left > 0 && !pending.atEnd; attempts--) {
    pending.readId(id);
    if (!streams.has(id)) {
      desk.propagateClaim(call, KEY, GROUP, id);
      call.changed();
      groups.removePending();
      deleted.push(new StreamId().set(id));
      pending.seek(id);
      left--;
      continue;
    }
    if (minIdleMs <= 0 || call.nowMs - groups.deliveredAtMs >= minIdleMs) {
      groups.setDelivery(call.nowMs, groups.deliveries + (justId ? 0 : 1));
      groups.assign(consumer);
      if (justId) desk.replyId(call, id);
      else desk.replyEntry(call);
      claimed++;
      left--;
      groups.setActive(consumer, call.nowMs);
      desk.propagateClaim(call, KEY, GROUP, id);
      call.changed();
    }
    pending.next();
  }
  reply.arrayFrom(mark, claimed);
  // The first of the three, written last: where the next call goes on.
  const next = reply.mark();
  if (pending.atEnd) id.setZero();
  else pending.readId(id);
  desk.replyId(call, id);
  reply.moveBefore(mark, next);
  reply.array(deleted.length);
  for (const one of deleted) desk.replyId(call, one);
}
