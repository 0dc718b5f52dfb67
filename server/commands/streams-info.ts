/** XINFO: what streams, groups and consumers say of themselves. Source: Valkey 9.1 t_stream.c xinfoCommand. */
import type { Address } from '../memory/arena.ts';
import { ERR_NO_KEY, ERR_UNKNOWN_SUBCOMMAND } from '../protocol/errors.ts';
import { lagOf, NEVER_ACTIVE, radixNodes, UNKNOWN_ENTRIES_READ } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, type KeySpec, LOADING, NO_KEYS, READONLY, STALE } from './command.ts';
import type { StreamDesk } from './streams-common.ts';
import { errSubcommandSyntax } from './streams-groups.ts';

const KEY = 2;
const GROUP = 3;
const SECOND_ARGUMENT: KeySpec = { first: KEY, last: KEY, step: 1 };
/** Entries and pending entries that XINFO STREAM FULL lists when COUNT does not say. */
const DEFAULT_FULL_COUNT = 10;

const HELP: readonly string[] = [
  'CONSUMERS <key> <groupname>',
  '    Show consumers of <groupname>.',
  'GROUPS <key>',
  '    Show the stream consumer groups.',
  'STREAM <key> [FULL [COUNT <count>]',
  '    Show information about the stream.',
];

export function streamInfoCommands(desk: StreamDesk): readonly Command[] {
  const row = { group: 'stream', since: '5.0.0', keys: SECOND_ARGUMENT } as const;
  const subcommands: readonly Command[] = [
    {
      ...row,
      name: 'consumers',
      arity: 4,
      flags: READONLY,
      summary: 'Returns a list of the consumers in a consumer group.',
      run: (call) => consumers(desk, call),
    },
    {
      ...row,
      name: 'groups',
      arity: 3,
      flags: READONLY,
      summary: 'Returns a list of the consumer groups of a stream.',
      run: (call) => groupsOf(desk, call),
    },
    {
      ...row,
      name: 'help',
      arity: 2,
      keys: NO_KEYS,
      flags: LOADING | STALE,
      summary: 'Returns helpful text about the different subcommands.',
      run: (call) => call.help(HELP),
    },
    {
      ...row,
      name: 'stream',
      arity: -3,
      flags: READONLY,
      summary: 'Returns information about a stream.',
      run: (call) => stream(desk, call),
    },
  ];
  return [
    {
      name: 'xinfo',
      arity: -2,
      group: 'stream',
      since: '5.0.0',
      flags: 0,
      keys: NO_KEYS,
      summary: 'A container for stream introspection commands.',
      subcommands,
      run: (call) => call.fail(ERR_UNKNOWN_SUBCOMMAND(call.text(1), 'xinfo')),
    },
  ];
}

/** Opens the stream; answers the error and is false when there is none. */
function open(desk: StreamDesk, call: Call): boolean {
  if (desk.open(call, KEY)) return true;
  if (!call.failed) call.fail(ERR_NO_KEY);
  return false;
}

function consumers(desk: StreamDesk, call: Call): void {
  if (!open(desk, call)) return;
  if (!desk.openGroup(call, GROUP))
    return call.fail(`NOGROUP No such consumer group '${call.text(GROUP)}' for key name '${call.text(KEY)}'`);
  const { reply, nowMs } = call;
  const { groups } = desk;
  reply.array(groups.consumers.count);
  for (let i = 0; i < groups.consumers.count; i++) {
    const consumer = groups.consumers.at(i);
    const activeMs = groups.activeMs(consumer);
    reply.map(4);
    reply.bulkText('name');
    replyConsumerName(desk, call, consumer);
    reply.bulkText('pending');
    reply.integer(groups.pendingOf(consumer));
    reply.bulkText('idle');
    reply.integer(Math.max(0, nowMs - groups.seenMs(consumer)));
    reply.bulkText('inactive');
    reply.integer(activeMs === NEVER_ACTIVE ? NEVER_ACTIVE : nowMs - activeMs);
  }
}

function replyConsumerName(desk: StreamDesk, call: Call, consumer: Address): void {
  const { consumers: names } = desk.groups;
  names.readName(consumer);
  call.reply.bulk(names.segment, names.from, names.to);
}

function groupsOf(desk: StreamDesk, call: Call): void {
  if (!open(desk, call)) return;
  const { reply } = call;
  const { groups, streams } = desk;
  const { groups: names } = groups.open(streams.root);
  reply.array(names.count);
  for (let i = 0; i < names.count; i++) {
    const group = names.at(i);
    groups.openGroup(group);
    reply.map(6);
    reply.bulkText('name');
    replyGroupName(desk, call, group);
    reply.bulkText('consumers');
    reply.integer(groups.consumers.count);
    reply.bulkText('pending');
    reply.integer(groups.pending.count);
    reply.bulkText('last-delivered-id');
    desk.replyId(call, groups.lastId);
    replyProgress(desk, call);
  }
}

function replyGroupName(desk: StreamDesk, call: Call, group: Address): void {
  const { groups: names } = desk.groups;
  names.readName(group);
  call.reply.bulk(names.segment, names.from, names.to);
}

/** How far the open group has read, and what is left. */
function replyProgress(desk: StreamDesk, call: Call): void {
  const { reply } = call;
  const { groups, streams } = desk;
  reply.bulkText('entries-read');
  if (groups.entriesRead === UNKNOWN_ENTRIES_READ) reply.nil();
  else reply.integer(groups.entriesRead);
  reply.bulkText('lag');
  const lag = lagOf(streams, groups);
  if (Number.isNaN(lag)) reply.nil();
  else reply.integer(lag);
}

function stream(desk: StreamDesk, call: Call): void {
  if (!open(desk, call)) return;
  const full = call.count > 3;
  let count = DEFAULT_FULL_COUNT;
  if (full) {
    if ((call.count !== 4 && call.count !== 6) || !call.is(3, 'FULL') || (call.count === 6 && !call.is(4, 'COUNT')))
      return call.fail(errSubcommandSyntax(call, 'XINFO'));
    if (call.count === 6) count = call.integer(5);
    if (call.failed) return;
    if (count < 0) count = DEFAULT_FULL_COUNT;
  }
  const { reply } = call;
  const { streams, start, end } = desk;
  reply.map(full ? 9 : 10);
  reply.bulkText('length');
  reply.integer(streams.length);
  reply.bulkText('radix-tree-keys');
  reply.integer(streams.nodes.count);
  reply.bulkText('radix-tree-nodes');
  reply.integer(radixNodes(streams.nodes));
  reply.bulkText('last-generated-id');
  desk.replyId(call, streams.lastId);
  reply.bulkText('max-deleted-entry-id');
  desk.replyId(call, streams.maxDeletedId);
  reply.bulkText('entries-added');
  reply.integer(streams.entriesAdded);
  reply.bulkText('recorded-first-entry-id');
  desk.replyId(call, streams.firstId);
  start.setZero();
  end.setMaximum();
  const { groups: names } = desk.groups.open(streams.root);
  if (full) {
    reply.bulkText('entries');
    desk.replyRange(call, start, end, count, false);
    reply.bulkText('groups');
    reply.array(names.count);
    for (let i = 0; i < names.count; i++) replyFullGroup(desk, call, names.at(i), count);
    return;
  }
  reply.bulkText('groups');
  reply.integer(names.count);
  for (const backwards of [false, true]) {
    reply.bulkText(backwards ? 'last-entry' : 'first-entry');
    streams.range(start, end, backwards);
    if (streams.next()) desk.replyEntry(call);
    else reply.nil();
  }
}

function replyFullGroup(desk: StreamDesk, call: Call, group: Address, count: number): void {
  const { reply } = call;
  const { groups, id } = desk;
  const { pending, consumers: names } = groups;
  groups.openGroup(group);
  reply.map(7);
  reply.bulkText('name');
  replyGroupName(desk, call, group);
  reply.bulkText('last-delivered-id');
  desk.replyId(call, groups.lastId);
  replyProgress(desk, call);
  reply.bulkText('pel-count');
  reply.integer(pending.count);
  reply.bulkText('pending');
  const listed = count === 0 ? pending.count : Math.min(count, pending.count);
  reply.array(listed);
  pending.first();
  for (let i = 0; i < listed; i++, pending.next()) {
    reply.array(4);
    desk.replyId(call, pending.readId(id));
    replyConsumerName(desk, call, groups.consumer);
    reply.integer(groups.deliveredAtMs);
    reply.integer(groups.deliveries);
  }
  reply.bulkText('consumers');
  reply.array(names.count);
  for (let i = 0; i < names.count; i++) replyFullConsumer(desk, call, names.at(i), count);
}

function replyFullConsumer(desk: StreamDesk, call: Call, consumer: Address, count: number): void {
  const { reply } = call;
  const { groups, id } = desk;
  const own = groups.openOwn(consumer);
  reply.map(5);
  reply.bulkText('name');
  replyConsumerName(desk, call, consumer);
  reply.bulkText('seen-time');
  reply.integer(groups.seenMs(consumer));
  reply.bulkText('active-time');
  reply.integer(groups.activeMs(consumer));
  reply.bulkText('pel-count');
  reply.integer(own.count);
  reply.bulkText('pending');
  const listed = count === 0 ? own.count : Math.min(count, own.count);
  reply.array(listed);
  own.first();
  for (let i = 0; i < listed; i++, own.next()) {
    groups.pending.seek(own.readId(id));
    reply.array(3);
    desk.replyId(call, id);
    reply.integer(groups.deliveredAtMs);
    reply.integer(groups.deliveries);
  }
}
