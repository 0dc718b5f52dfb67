/**
 * XGROUP: consumer groups of a stream and their consumers. Source: Valkey 9.1 t_stream.c xgroupCommand.
 */
import { STREAM } from '../keyspace/entry.ts';
import { EVENT_STREAM } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_UNKNOWN_SUBCOMMAND } from '../protocol/errors.ts';
import { UNKNOWN_ENTRIES_READ } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, type KeySpec, LOADING, NO_KEYS, STALE, WRITE } from './command.ts';
import { STRICT, type StreamDesk } from './streams-common.ts';

/** Of `xgroup create key group …`. */
const KEY = 2;
const GROUP = 3;
const ID = 4;
const CONSUMER = 4;
const OPTIONS = 5;
const SECOND_ARGUMENT: KeySpec = { first: KEY, last: KEY, step: 1 };

const ERR_KEY_REQUIRED =
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.';

const HELP: readonly string[] = [
  'CREATE <key> <groupname> <id|$> [option]',
  '    Create a new consumer group. Options are:',
  '    * MKSTREAM',
  '      Create the empty stream if it does not exist.',
  '    * ENTRIESREAD entries_read',
  "      Set the group's entries_read counter (internal use).",
  'CREATECONSUMER <key> <groupname> <consumer>',
  '    Create a new consumer in the specified group.',
  'DELCONSUMER <key> <groupname> <consumer>',
  '    Remove the specified consumer.',
  'DESTROY <key> <groupname>',
  '    Remove the specified group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
  '    Set the current group ID and entries_read counter.',
];

export const errSubcommandSyntax = (call: Call, container: string): string =>
  `ERR unknown subcommand or wrong number of arguments for '${call.text(1).slice(0, 128)}'. Try ${container} HELP.`;

export function streamGroupCommands(desk: StreamDesk): readonly Command[] {
  const row = { group: 'stream', since: '5.0.0', keys: SECOND_ARGUMENT } as const;
  const subcommands: readonly Command[] = [
    {
      ...row,
      name: 'create',
      arity: -5,
      flags: WRITE | DENYOOM,
      summary: 'Creates a consumer group.',
      run: (call) => create(desk, call),
    },
    {
      ...row,
      name: 'createconsumer',
      arity: 5,
      since: '6.2.0',
      flags: WRITE | DENYOOM,
      summary: 'Creates a consumer in a consumer group.',
      run: (call) => createConsumer(desk, call),
    },
    {
      ...row,
      name: 'delconsumer',
      arity: 5,
      flags: WRITE,
      summary: 'Deletes a consumer from a consumer group.',
      run: (call) => deleteConsumer(desk, call),
    },
    {
      ...row,
      name: 'destroy',
      arity: 4,
      flags: WRITE,
      summary: 'Destroys a consumer group.',
      run: (call) => destroy(desk, call),
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
      name: 'setid',
      arity: -5,
      flags: WRITE,
      summary: 'Sets the last-delivered ID of a consumer group.',
      run: (call) => setId(desk, call),
    },
  ];
  return [
    {
      name: 'xgroup',
      arity: -2,
      group: 'stream',
      since: '5.0.0',
      flags: 0,
      keys: NO_KEYS,
      summary: 'A container for consumer groups commands.',
      subcommands,
      run: (call) => call.fail(ERR_UNKNOWN_SUBCOMMAND(call.text(1), 'xgroup')),
    },
  ];
}

/** Opens the stream and its group; answers the errors that all subcommands have alike, and is false after one. */
function openGroup(desk: StreamDesk, call: Call, groupMayLack: boolean): boolean {
  if (!desk.openForWrite(call, KEY)) {
    if (!call.failed) call.fail(ERR_KEY_REQUIRED);
    return false;
  }
  if (desk.openGroup(call, GROUP) || groupMayLack) return true;
  call.fail(`NOGROUP No such consumer group '${call.text(GROUP)}' for key name '${call.text(KEY)}'`);
  return false;
}

/** ENTRIESREAD's count; NaN after an error. `options` begins at the option's argument. */
function entriesRead(call: Call, index: number): number {
  const value = call.integer(index);
  if (!call.failed && value < 0 && value !== UNKNOWN_ENTRIES_READ)
    call.fail('ERR value for ENTRIESREAD must be positive or -1');
  return call.failed ? Number.NaN : value;
}

function create(desk: StreamDesk, call: Call): void {
  const { streams, groups, id } = desk;
  let makes = false;
  let read = UNKNOWN_ENTRIES_READ;
  for (let i = OPTIONS; i < call.count; i++) {
    if (call.is(i, 'MKSTREAM')) makes = true;
    else if (i + 1 < call.count && call.is(i, 'ENTRIESREAD')) read = entriesRead(call, ++i);
    else call.fail(errSubcommandSyntax(call, 'XGROUP'));
    if (call.failed) return;
  }
  const found = desk.openForWrite(call, KEY);
  if (call.failed) return;
  if (!found && !makes) return call.fail(ERR_KEY_REQUIRED);
  // Options may be given twice, but not so often.
  if (call.count > 8) return call.fail(errSubcommandSyntax(call, 'XGROUP'));
  if (isLast(call, ID)) {
    if (found) id.set(streams.lastId);
    else id.setZero();
  } else if (!desk.readId(call, ID, id, STRICT)) return;
  const { database, bytes, starts, ends } = call;
  if (!found) {
    streams.create();
    database.putCollection(bytes, starts[KEY]!, ends[KEY]!, STREAM, 0, streams.root);
  } else if (desk.openGroup(call, GROUP)) return call.fail('BUSYGROUP Consumer Group name already exists');
  else desk.beginQuietChange(call);
  desk.openGroup(call, GROUP);
  groups.create(bytes, starts[GROUP]!, ends[GROUP]!, id, read);
  call.reply.ok();
  call.changed();
  call.notify(EVENT_STREAM, 'xgroup-create', KEY);
}

function isLast(call: Call, index: number): boolean {
  return call.is(index, '$');
}

function setId(desk: StreamDesk, call: Call): void {
  const { streams, groups, id } = desk;
  let read = UNKNOWN_ENTRIES_READ;
  for (let i = OPTIONS; i < call.count; i += 2) {
    if (i + 1 < call.count && call.is(i, 'ENTRIESREAD')) read = entriesRead(call, i + 1);
    else call.fail(errSubcommandSyntax(call, 'XGROUP'));
    if (call.failed) return;
  }
  if (!openGroup(desk, call, false)) return;
  if (call.count !== 5 && call.count !== 7) return call.fail(errSubcommandSyntax(call, 'XGROUP'));
  if (isLast(call, ID)) id.set(streams.lastId);
  else if (!desk.readId(call, ID, id, !STRICT)) return;
  desk.beginQuietChange(call);
  groups.lastId.set(id);
  groups.entriesRead = read;
  groups.saveGroup();
  call.reply.ok();
  call.changed();
  call.notify(EVENT_STREAM, 'xgroup-setid', KEY);
}

function destroy(desk: StreamDesk, call: Call): void {
  if (!openGroup(desk, call, true)) return;
  const { groups } = desk;
  if (groups.group === NONE) return call.reply.integer(0);
  desk.beginQuietChange(call);
  groups.destroy();
  call.reply.integer(1);
  call.changed();
  call.notify(EVENT_STREAM, 'xgroup-destroy', KEY);
  // Who waits for entries of the group is told that it is gone.
  call.rooms.blocking.touched(call.database, call.bytes, call.starts[KEY]!, call.ends[KEY]!);
}

function createConsumer(desk: StreamDesk, call: Call): void {
  if (!openGroup(desk, call, false)) return;
  if (desk.findConsumer(call, CONSUMER) !== NONE) return call.reply.integer(0);
  desk.beginQuietChange(call);
  desk.groups.createConsumer(call.bytes, call.starts[CONSUMER]!, call.ends[CONSUMER]!, call.nowMs);
  call.changed();
  call.notify(EVENT_STREAM, 'xgroup-createconsumer', KEY);
  call.reply.integer(1);
}

function deleteConsumer(desk: StreamDesk, call: Call): void {
  if (!openGroup(desk, call, false)) return;
  const consumer = desk.findConsumer(call, CONSUMER);
  if (consumer === NONE) return call.reply.integer(0);
  desk.beginQuietChange(call);
  const pending = desk.groups.deleteConsumer(consumer);
  call.changed();
  call.notify(EVENT_STREAM, 'xgroup-delconsumer', KEY);
  call.reply.integer(pending);
}
