/**
 * DEBUG, as tests need it: what compares, reloads, stalls and inspects. Source: Valkey 9.1 debug.c.
 * To Valkey it is one command and not a container; so it is here.
 */
import { NO_EXPIRY } from '../keyspace/database.ts';
import { ACCESS_MASK } from '../keyspace/entry.ts';
import { slotOf } from '../keyspace/slot.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { encodingName } from '../types/index.ts';
import type { Call } from './call.ts';
import { UNAUTHENTICATED_OUTPUT_BYTES } from './clients.ts';
import { ADMIN, type Command, LOADING, NO_KEYS, NOSCRIPT, STALE } from './command.ts';
import { isAllowedBy } from './config.ts';
import { replyOfKind } from './debug-replies.ts';
import { dumpsOf } from './dump.ts';
import { accessOf } from './keys-object.ts';
import { persistenceOf } from './persistence.ts';

const ERR_NO_KEY = 'ERR no such key';

interface Subcommand {
  /** In capitals. */
  readonly name: string;
  /** Words with both names; negative: at least so many. */
  readonly arity: number;
  readonly usage: string;
  readonly help: readonly string[];
  run(call: Call): void;
}

const ownSubcommands: readonly Subcommand[] = [
  {
    name: 'CLIENT-ENFORCE-REPLY-LIST',
    arity: 3,
    usage: 'CLIENT-ENFORCE-REPLY-LIST <0|1>',
    help: ['Let any reply be too large for a client that has not authenticated.'],
    run(call) {
      call.rooms.clients.unauthenticatedLimitBytes = isOn(call) ? 0 : UNAUTHENTICATED_OUTPUT_BYTES;
      call.reply.ok();
    },
  },
  {
    name: 'CONFIG-REWRITE-FORCE-ALL',
    arity: 2,
    usage: 'CONFIG-REWRITE-FORCE-ALL',
    help: [
      'Like CONFIG REWRITE but writes all configuration options, including',
      'keywords not listed in original configuration file or default values.',
    ],
    run(call) {
      const problem = call.rooms.host.rewriteConfig(true);
      if (problem === null) call.reply.ok();
      else call.fail(problem);
    },
  },
  {
    name: 'DIGEST',
    arity: 2,
    usage: 'DIGEST',
    help: ['Output a hex signature representing the current DB content.'],
    run(call) {
      call.reply.simple(persistenceOf(call).digest());
    },
  },
  {
    name: 'DIGEST-VALUE',
    arity: -2,
    usage: 'DIGEST-VALUE <key> [<key> ...]',
    help: ['Output a hex signature of the values of all the specified keys.'],
    run: digestValues,
  },
  {
    name: 'DROP-CLUSTER-PACKET-FILTER',
    arity: 3,
    usage: 'DROP-CLUSTER-PACKET-FILTER <packet-type>',
    help: ['Drop all packets that match the filtered type. Set to -1 allow all packets,', 'to -2 to drop all packets.'],
    run(call) {
      const type = call.integer(2);
      if (call.failed) return;
      call.rooms.dropPackets?.(type);
      call.reply.ok();
    },
  },
  {
    name: 'ERROR',
    arity: 3,
    usage: 'ERROR <string>',
    help: [
      'Return a RESP protocol error with <string> as message. Useful for clients',
      'unit tests to simulate error replies.',
    ],
    run: (call) => call.reply.error(call.text(2)),
  },
  {
    name: 'LOADAOF',
    arity: 2,
    usage: 'LOADAOF',
    help: ['Flush the AOF buffers on disk and reload the AOF in memory.'],
    run(call) {
      if (call.inExec) return call.fail('ERR DEBUG LOADAOF takes its time: it cannot run in a transaction');
      const file = call.rooms.appendOnly;
      if (file === undefined) throw new Error('commands: the node was composed without an append-only file');
      file.reload(call.client);
    },
  },
  {
    name: 'LOG',
    arity: 3,
    usage: 'LOG <message>',
    help: ['Write <message> to the server log.'],
    run(call) {
      call.rooms.host.log('warning', `DEBUG LOG: ${call.text(2)}`);
      call.reply.ok();
    },
  },
  {
    name: 'OBJECT',
    arity: -3,
    usage: 'OBJECT <key> [fast]',
    help: [
      'Show low level info about `key` and associated value.',
      'Some fields of the default behavior may be time consuming to fetch,',
      'and `fast` can be passed to avoid fetching them.',
    ],
    run: object,
  },
  {
    name: 'PAUSE-CRON',
    arity: 3,
    usage: 'PAUSE-CRON <0|1>',
    help: ['Stop periodic cron job processing.'],
    run(call) {
      call.rooms.host.pauseCron(isOn(call));
      call.reply.ok();
    },
  },
  {
    name: 'POPULATE',
    arity: -3,
    usage: 'POPULATE <count> [<prefix>] [<size>]',
    help: [
      'Create <count> string keys named key:<num>. If <prefix> is specified then',
      "it is used instead of the 'key' prefix. These are not propagated to",
      'replicas. Cluster slots are not respected so keys not belonging to the',
      'current node can be created in cluster mode.',
    ],
    run: populate,
  },
  {
    name: 'PROTECT-CLIENT',
    arity: 3,
    usage: 'PROTECT-CLIENT <id>',
    help: ['Protect a client from being freed, forcing deferred close.'],
    run(call) {
      const id = call.integer(2);
      if (call.failed) return;
      const client = call.rooms.clients.find(id);
      if (client === null) {
        call.fail('ERR No such client');
        return;
      }
      client.heldOpen = true;
      call.reply.ok();
    },
  },
  {
    name: 'PROTOCOL',
    arity: 3,
    usage: 'PROTOCOL <type>',
    help: [
      'Reply with a test value of the specified type. <type> can be: string,',
      'integer, double, bignum, null, array, set, map, attrib, push, verbatim,',
      'true, false.',
    ],
    run: replyOfKind,
  },
  {
    name: 'RELOAD',
    arity: -2,
    usage: 'RELOAD [option ...]',
    help: [
      'Save the RDB on disk and reload it back to memory. Valid <option> values:',
      '* MERGE: conflicting keys will be loaded from RDB.',
      '* NOFLUSH: the existing database will not be removed before load, but conflicting keys fail the load.',
      '* NOSAVE: load the RDB file as it is on the disk.',
    ],
    run: reload,
  },
  {
    name: 'REPLICATE',
    arity: -3,
    usage: 'REPLICATE <string>',
    help: ['Replicates the provided string to replicas, allowing data divergence.'],
    run: replicate,
  },
  {
    name: 'SET-ACTIVE-EXPIRE',
    arity: 3,
    usage: 'SET-ACTIVE-EXPIRE <0|1>',
    help: [
      'Setting it to 0 disables expiring keys in background when they are not',
      'accessed (otherwise the server behavior). Setting it to 1 reenables back the',
      'default.',
    ],
    run(call) {
      call.rooms.host.setActiveExpiry(isOn(call));
      call.reply.ok();
    },
  },
  {
    name: 'SET-DISABLE-DENY-SCRIPTS',
    arity: 3,
    usage: 'SET-DISABLE-DENY-SCRIPTS <0|1>',
    help: ['Lets scripts give commands that are denied to them.'],
    run(call) {
      if (call.rooms.scripting !== undefined) call.rooms.scripting.allowsAnyCommand = isOn(call);
      call.reply.ok();
    },
  },
  {
    name: 'SET-SKIP-CHECKSUM-VALIDATION',
    arity: 3,
    usage: 'SET-SKIP-CHECKSUM-VALIDATION <0|1>',
    help: ["Enables or disables checksum checks for RESTORE's payload."],
    run(call) {
      dumpsOf(call).skipsChecksum = isOn(call);
      call.reply.ok();
    },
  },
  {
    name: 'SLEEP',
    arity: 3,
    usage: 'SLEEP <seconds>',
    help: ['Stop the server for <seconds>. Decimals allowed.'],
    run(call) {
      const seconds = call.double(2);
      if (call.failed) return;
      call.rooms.host.stall(Math.max(0, seconds) * 1000);
      call.reply.ok();
    },
  },
];

/**
 * Subcommands that set how Valkey's structures in C are laid out. Tests set them and expect the same replies with either layout; so
 * they are answered, and there is nothing to set.
 */
const layoutSubcommands: readonly Subcommand[] = [
  ['QUICKLIST-PACKED-THRESHOLD', 3, 'QUICKLIST-PACKED-THRESHOLD <size>', 'a list node holds elements of any size'],
  ['DICT-RESIZING', 3, 'DICT-RESIZING <0|1>', 'a table grows by one bucket at an insert'],
  ['HASHTABLE-CAN-ABORT-SHRINK', 3, 'HASHTABLE-CAN-ABORT-SHRINK <0|1>', 'a table never shrinks in steps'],
  [
    'REPLYBUFFER',
    4,
    'REPLYBUFFER RESIZING|PEAK-RESET-TIME <value>',
    'a client has one buffer of replies, of the size it needs',
  ],
].map(([name, arity, usage, why]) => ({
  name: String(name),
  arity: Number(arity),
  usage: String(usage),
  help: [`Has no effect: ${why}.`],
  run: (call) => call.reply.ok(),
}));

export const debugCommands: readonly Command[] = [
  {
    name: 'debug',
    arity: -2,
    group: 'server',
    since: '1.0.0',
    summary: 'A container for debugging commands.',
    flags: ADMIN | NOSCRIPT | LOADING | STALE,
    keys: NO_KEYS,
    run: debug,
  },
];

const subcommands: readonly Subcommand[] = [...ownSubcommands, ...layoutSubcommands];

/** Valkey's refusal where DEBUG was not enabled, or only for loopback; null where it was. */
function refusal(call: Call): string | null {
  if (isAllowedBy(call, 'enable-debug-command')) return null;
  return 'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.';
}

function debug(call: Call): void {
  const refused = refusal(call);
  if (refused !== null) return call.fail(refused);
  if (call.count === 2 && call.is(1, 'HELP')) {
    call.help(subcommands.flatMap((one) => [one.usage, ...one.help.map((line) => `    ${line}`)]));
    return;
  }
  const subcommand = subcommands.find((one) => call.is(1, one.name));
  if (
    subcommand === undefined ||
    call.count < Math.abs(subcommand.arity) ||
    (subcommand.arity > 0 && call.count !== subcommand.arity)
  ) {
    call.fail(unknown(call));
    return;
  }
  subcommand.run(call);
}

function unknown(call: Call): string {
  return `ERR unknown subcommand or wrong number of arguments for '${call.text(1).slice(0, 128)}'. Try DEBUG HELP.`;
}

function digestValues(call: Call): void {
  const room = persistenceOf(call);
  call.reply.array(call.count - 2);
  const { bytes, starts, ends, keyspace } = call;
  for (let i = 2; i < call.count; i++) {
    // To routing the command has no keys: they may be in any slot.
    if (keyspace.slots > 1) keyspace.slot = slotOf(bytes, starts[i]!, ends[i]!);
    call.reply.simple(room.digestOfEntry(call.database.findWithoutAccess(bytes, starts[i]!, ends[i]!)));
  }
}

/** Bytes of a payload beside the value: its type, version and checksum. */
const DUMP_FRAME_BYTES = 11;

function object(call: Call): void {
  const { database } = call;
  const entry = database.findWithoutAccess(call.bytes, call.starts[2]!, call.ends[2]!);
  if (entry === NONE) return call.fail(ERR_NO_KEY);
  const access = accessOf(database);
  const idle = (call.keyspace.accessClock - access) & ACCESS_MASK;
  let text = `Value at:0x${(entry >>> 0).toString(16)} refcount:1 encoding:${encodingName(database)}`;
  const isFast = call.count === 4 && call.is(3, 'FAST');
  if (!isFast) text += ` serializedlength:${dumpsOf(call).dump(entry).length - DUMP_FRAME_BYTES}`;
  call.reply.simple(`${text} lru:${access} lru_seconds_idle:${idle}`);
}

function populate(call: Call): void {
  const keys = call.integer(2);
  if (call.failed) return;
  const sizeBytes = call.count === 5 ? call.integer(4) : 0;
  if (call.failed) return;
  if (keys < 0 || sizeBytes < 0) return call.fail('ERR value is out of range, must be positive');
  if (call.count > 5) return call.fail(unknown(call));
  const prefix = call.count === 3 ? 'key' : call.latin1(3);
  const { database, keyspace } = call;
  const encoder = new TextEncoder();
  const value = new Uint8Array(Math.max(sizeBytes, 32));
  for (let i = 0; i < keys; i++) {
    const key = Uint8Array.from(`${prefix}:${i}`, (character) => character.charCodeAt(0));
    const { written } = encoder.encodeInto(`value:${i}`, value);
    if (keyspace.slots > 1) keyspace.slot = slotOf(key, 0, key.length);
    if (database.findForWrite(key, 0, key.length) !== NONE) continue;
    database.putString(key, 0, key.length, value, 0, sizeBytes === 0 ? written : sizeBytes, NO_EXPIRY);
  }
  call.reply.ok();
}

/** The words go to the log as a command, whatever it does to a replica that is to differ. */
function replicate(call: Call): void {
  const words: Uint8Array[] = [];
  for (let i = 2; i < call.count; i++) words.push(call.copy(i));
  call.propagateAs(Arguments.of(...words));
  call.propagatedAsIs();
  call.reply.ok();
}

/** Argument 2 as a switch, as C's atoi reads it. */
function isOn(call: Call): boolean {
  return Number.parseInt(call.text(2), 10) > 0;
}

function reload(call: Call): void {
  let save = true;
  let flush = true;
  let merge = false;
  for (let i = 2; i < call.count; i++) {
    if (call.is(i, 'NOSAVE')) save = false;
    else if (call.is(i, 'NOFLUSH')) flush = false;
    else if (call.is(i, 'MERGE')) merge = true;
    else return call.fail('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
  }
  if (call.inExec) return call.fail('ERR DEBUG RELOAD takes its time: it cannot run in a transaction');
  const problem = persistenceOf(call).reload(call.client, { save, flush, merge });
  if (problem !== null) call.fail(problem);
}
