/**
 * DEBUG, as tests need it: what compares, reloads, stalls and inspects. Source: Valkey 9.1 debug.c.
 * To Valkey it is one command and not a container; so it is here.
 */
import { HASH, LIST, SET, STRING, ZSET } from '../keyspace/entry.ts';
import { NONE } from '../memory/arena.ts';
import { encodingName, type Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { ADMIN, type Command, LOADING, NO_KEYS, NOSCRIPT, STALE } from './command.ts';
import { persistenceOf } from './persistence.ts';

const ERR_NO_KEY = 'ERR no such key';
/** An address of this machine, or the path of a Unix socket. */
const LOOPBACK = /^(127\.|\[?::1|\/)/;

interface Subcommand {
  /** In capitals. */
  readonly name: string;
  /** Words with both names; negative: at least so many. */
  readonly arity: number;
  readonly usage: string;
  readonly help: readonly string[];
  run(call: Call, types: Types): void;
}

const subcommands: readonly Subcommand[] = [
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
    name: 'OBJECT',
    arity: 3,
    usage: 'OBJECT <key>',
    help: ['Show low level info about `key` and associated value.'],
    run: object,
  },
  {
    name: 'RELOAD',
    arity: -2,
    usage: 'RELOAD [option ...]',
    help: [
      'Save the RDB on disk and reload it back to memory. Valid <option> values:',
      '* NOFLUSH: the database will not be emptied before loading the RDB file: its keys must not be in the database already.',
      '* NOSAVE: load the RDB file as it is on the disk.',
    ],
    run: reload,
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
      const on = call.integer(2);
      if (call.failed) return;
      call.rooms.host.setActiveExpiry(on !== 0);
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

export function debugCommands(types: Types): readonly Command[] {
  return [
    {
      name: 'debug',
      arity: -2,
      group: 'server',
      since: '1.0.0',
      summary: 'A container for debugging commands.',
      flags: ADMIN | NOSCRIPT | LOADING | STALE,
      keys: NO_KEYS,
      run: (call) => debug(call, types),
    },
  ];
}

/** Valkey's refusal where DEBUG was not enabled, or only for loopback; null where it was. */
function refusal(call: Call): string | null {
  const enabled = call.rooms.settings.text('enable-debug-command');
  if (enabled === 'yes' || (enabled === 'local' && LOOPBACK.test(call.client.address))) return null;
  return 'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.';
}

function debug(call: Call, types: Types): void {
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
    const name = call.text(1).slice(0, 128);
    call.fail(`ERR unknown subcommand or wrong number of arguments for '${name}'. Try DEBUG HELP.`);
    return;
  }
  subcommand.run(call, types);
}

function digestValues(call: Call): void {
  const room = persistenceOf(call);
  call.reply.array(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    call.reply.simple(room.digestOfEntry(call.database.findWithoutAccess(call.bytes, call.starts[i]!, call.ends[i]!)));
  }
}

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [STRING]: 'string',
  [LIST]: 'list',
  [SET]: 'set',
  [ZSET]: 'zset',
  [HASH]: 'hash',
};

function object(call: Call, types: Types): void {
  const { database } = call;
  const entry = database.findWithoutAccess(call.bytes, call.starts[2]!, call.ends[2]!);
  if (entry === NONE) return call.fail(ERR_NO_KEY);
  const { view } = database;
  const encoding = encodingName(database);
  const elements = view.type === STRING ? view.stringLength() : types.count(view.type, view.encoding, view.root());
  call.reply.simple(
    `Value at:${entry >>> 0} refcount:1 encoding:${encoding} type:${TYPE_NAMES[view.type]} length:${elements}`,
  );
}

function reload(call: Call): void {
  let save = true;
  let flush = true;
  for (let i = 2; i < call.count; i++) {
    if (call.is(i, 'NOSAVE')) save = false;
    else if (call.is(i, 'NOFLUSH')) flush = false;
    else return call.fail('ERR DEBUG RELOAD only supports the NOFLUSH and NOSAVE options.');
  }
  if (call.inExec) return call.fail('ERR DEBUG RELOAD takes its time: it cannot run in a transaction');
  const problem = persistenceOf(call).reload(call.client, { save, flush });
  if (problem !== null) call.fail(problem);
}
