/**
 * Commands about the connection itself: AUTH, HELLO, SELECT, PING, CLIENT and their kin.
 * Source: Valkey 9.1 networking.c, acl.c, connection commands' metadata.
 */

import { VALKEY_VERSION } from '../config/version.ts';
import { OBSERVED_BY_WATCH } from '../keyspace/keyspace.ts';
import {
  ERR_AUTH_NOT_SET,
  ERR_DB_INDEX,
  ERR_INVALID_DB_INDEX,
  ERR_NO_AUTH,
  ERR_NOPROTO,
  ERR_SYNTAX,
  ERR_WRONG_PASS,
} from '../protocol/errors.ts';
import type { Call } from './call.ts';
import {
  type Client,
  NORMAL_CLIENT,
  PUBSUB_CLIENT,
  REPLICA_CLIENT,
  REPLY_OFF,
  REPLY_ON,
  REPLY_SKIP_NEXT,
  STREAM_CLIENT,
} from './client.ts';
import { PAUSE_ALL, PAUSE_WRITES } from './clients.ts';
import {
  ADMIN,
  ALLOW_BUSY,
  type Command,
  FAST,
  IN_SUBSCRIBER_MODE,
  LOADING,
  NO_AUTH,
  NO_KEYS,
  NOSCRIPT,
  NOT_QUEUED,
  SKIP_COMMANDLOG,
  STALE,
} from './command.ts';

function ping(call: Call): void {
  const { reply, client } = call;
  if (call.count > 2) {
    call.fail("ERR wrong number of arguments for 'ping' command");
    return;
  }
  if (client.inSubscriberMode) {
    reply.array(2);
    reply.bulkText('pong');
    if (call.count === 2) call.replyArgument(1);
    else reply.bulkEmpty();
    return;
  }
  if (call.count === 2) call.replyArgument(1);
  else reply.simple('PONG');
}

function select(call: Call): void {
  const index = call.integer(1, ERR_INVALID_DB_INDEX);
  if (call.failed) return;
  if (call.keyspace.databases[index] === undefined) {
    call.fail(ERR_DB_INDEX);
    return;
  }
  call.client.databaseIndex = index;
  call.reply.ok();
}

/** True when the pair is right: one user, `default`, with the password of requirepass. Compared without an early end. */
function credentialsMatch(call: Call, user: string, password: string): boolean {
  const expected = call.rooms.settings.text('requirepass');
  if (user !== 'default') return false;
  let difference = expected.length ^ password.length;
  for (let i = 0; i < password.length; i++)
    difference |= password.charCodeAt(i) ^ expected.charCodeAt(i % Math.max(1, expected.length));
  return expected === '' || difference === 0;
}

function auth(call: Call): void {
  if (call.count > 3) {
    call.fail(ERR_SYNTAX);
    return;
  }
  if (call.count === 2 && call.rooms.settings.text('requirepass') === '') {
    call.fail(ERR_AUTH_NOT_SET);
    return;
  }
  const user = call.count === 3 ? call.text(1) : 'default';
  if (!credentialsMatch(call, user, call.text(call.count - 1))) {
    call.fail(ERR_WRONG_PASS);
    return;
  }
  call.client.authenticated = true;
  call.reply.ok();
}

function hello(call: Call): void {
  const { client, reply } = call;
  let protocol = client.output.protocol;
  let next = 1;
  if (call.count > 1) {
    const version = call.integer(1, 'ERR Protocol version is not an integer or out of range');
    if (call.failed) return;
    if (version !== 2 && version !== 3) {
      call.fail(ERR_NOPROTO);
      return;
    }
    protocol = version;
    next = 2;
  }
  let authenticated = client.authenticated;
  let name: string | null = null;
  while (next < call.count) {
    if (call.is(next, 'AUTH') && next + 2 < call.count) {
      if (!credentialsMatch(call, call.text(next + 1), call.text(next + 2))) {
        call.fail(ERR_WRONG_PASS);
        return;
      }
      authenticated = true;
      next += 3;
    } else if (call.is(next, 'SETNAME') && next + 1 < call.count) {
      name = call.text(next + 1);
      if (!isClientText(name)) {
        call.fail('ERR Client names cannot contain spaces, newlines or special characters.');
        return;
      }
      next += 2;
    } else {
      call.fail(`ERR Syntax error in HELLO option '${call.text(next)}'`);
      return;
    }
  }
  if (!authenticated) {
    call.fail(
      `${ERR_NO_AUTH.slice(0, 6)} HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time`,
    );
    return;
  }
  client.authenticated = true;
  if (name !== null) client.name = name;
  client.output.protocol = protocol;
  reply.protocol = protocol;
  const clustered = call.keyspace.slots > 1;
  reply.map(7);
  reply.bulkText('server');
  reply.bulkText('valkey');
  reply.bulkText('version');
  reply.bulkText(VALKEY_VERSION);
  reply.bulkText('proto');
  reply.integer(protocol);
  reply.bulkText('id');
  reply.integer(client.id);
  reply.bulkText('mode');
  reply.bulkText(clustered ? 'cluster' : 'standalone');
  reply.bulkText('role');
  reply.bulkText(call.rooms.role() === 'replica' ? 'replica' : 'master');
  reply.bulkText('modules');
  reply.array(0);
}

/** Names and library names: printable ASCII without spaces. */
function isClientText(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

function quit(call: Call): void {
  call.reply.ok();
  call.client.closing = true;
}

function reset(call: Call): void {
  const { client } = call;
  client.discardTransaction();
  call.rooms.watches.drop(client);
  call.keyspace.observe(OBSERVED_BY_WATCH, call.rooms.watches.count > 0);
  call.rooms.pubsub.forget(client);
  client.name = '';
  client.databaseIndex = 0;
  client.asking = false;
  client.readOnly = false;
  client.replyMode = REPLY_ON;
  client.noEvict = false;
  client.noTouch = false;
  client.output.protocol = 2;
  call.reply.protocol = 2;
  client.authenticated = call.rooms.settings.text('requirepass') === '';
  call.reply.simple('RESET');
}

// --- CLIENT ------------------------------------------------------------------------------------------------------------

function flagsOf(client: Client): string {
  let flags = '';
  if (client.kind === REPLICA_CLIENT) flags += 'S';
  if (client.kind === STREAM_CLIENT) flags += 'M';
  if (client.kind === PUBSUB_CLIENT) flags += 'P';
  if (client.inTransaction) flags += 'x';
  if (client.waiter !== null) flags += 'b';
  if (client.closing) flags += 'c';
  if (client.watchBroken) flags += 'd';
  if (client.readOnly) flags += 'r';
  if (client.noEvict) flags += 'e';
  if (client.noTouch) flags += 'T';
  return flags === '' ? 'N' : flags;
}

/** One line of CLIENT LIST. */
function describe(call: Call, client: Client): string {
  const ages = call.nowMs;
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', client.id],
    ['addr', client.address],
    ['laddr', client.localAddress],
    ['fd', -1],
    ['name', client.name],
    ['age', Math.floor((ages - client.createdAtMs) / 1000)],
    ['idle', Math.floor((ages - client.lastInteractionMs) / 1000)],
    ['flags', flagsOf(client)],
    ['capa', ''],
    ['db', client.databaseIndex],
    ['sub', client.channels?.size ?? 0],
    ['psub', client.patterns?.size ?? 0],
    ['ssub', client.shardChannels?.size ?? 0],
    ['multi', client.inTransaction ? client.queued.length : -1],
    ['watch', [...call.rooms.watches.keysOf(client)].length],
    ['qbuf', client.inputBytes],
    ['qbuf-free', 0],
    ['argv-mem', 0],
    ['multi-mem', client.queuedBytes],
    ['rbs', client.output.bytes?.length ?? 0],
    ['rbp', 0],
    ['obl', client.output.length],
    ['oll', 0],
    ['omem', call.rooms.clients.outputBytes(client)],
    ['tot-mem', client.inputBytes + (client.output.bytes?.length ?? 0) + client.queuedBytes],
    ['events', 'r'],
    ['cmd', client.lastCommand === '' ? 'NULL' : client.lastCommand],
    ['user', client.user],
    ['redir', -1],
    ['resp', client.output.protocol],
    ['lib-name', client.libraryName],
    ['lib-ver', client.libraryVersion],
    ['tot-cmds', client.commandCount],
  ];
  return `${fields.map(([name, value]) => `${name}=${value}`).join(' ')}\n`;
}

type ClientFilter = (client: Client) => boolean;

const CLIENT_TYPES: Readonly<Record<string, number>> = {
  normal: NORMAL_CLIENT,
  pubsub: PUBSUB_CLIENT,
  replica: REPLICA_CLIENT,
  slave: REPLICA_CLIENT,
  primary: STREAM_CLIENT,
  master: STREAM_CLIENT,
};

/** Reads filters from argument `from` on; answers the error and returns null when one is wrong. `skipMe` is set by SKIPME. */
function filtersFrom(call: Call, from: number): { readonly filter: ClientFilter; readonly skipMe: boolean } | null {
  const filters: ClientFilter[] = [];
  let skipMe = true;
  for (let i = from; i < call.count; ) {
    if (call.is(i, 'ID')) {
      const ids = new Set<number>();
      for (i++; i < call.count; i++) {
        if (!/^\d+$/.test(call.text(i))) break;
        ids.add(Number(call.text(i)));
      }
      if (ids.size === 0) {
        call.fail('ERR client-id should be greater than 0');
        return null;
      }
      filters.push((client) => ids.has(client.id));
      continue;
    }
    if (i + 1 >= call.count) {
      call.fail(ERR_SYNTAX);
      return null;
    }
    const value = call.text(i + 1);
    if (call.is(i, 'TYPE')) {
      const kind = CLIENT_TYPES[value.toLowerCase()];
      if (kind === undefined) {
        call.fail(`ERR Unknown client type '${value}'`);
        return null;
      }
      filters.push((client) => client.kind === kind);
    } else if (call.is(i, 'ADDR')) filters.push((client) => client.address === value);
    else if (call.is(i, 'LADDR')) filters.push((client) => client.localAddress === value);
    else if (call.is(i, 'USER')) filters.push((client) => client.user === value);
    else if (call.is(i, 'NAME')) filters.push((client) => client.name === value);
    else if (call.is(i, 'SKIPME') && /^(yes|no)$/i.test(value)) skipMe = value.toLowerCase() === 'yes';
    else if (call.is(i, 'MAXAGE') && /^\d+$/.test(value)) {
      const bornBeforeMs = call.nowMs - Number(value) * 1000;
      filters.push((client) => client.createdAtMs <= bornBeforeMs);
    } else {
      call.fail(ERR_SYNTAX);
      return null;
    }
    i += 2;
  }
  return { filter: (client) => filters.every((one) => one(client)), skipMe };
}

function clientList(call: Call): void {
  const filters = filtersFrom(call, 2);
  if (filters === null) return;
  let text = '';
  for (const client of call.rooms.clients.all()) if (filters.filter(client)) text += describe(call, client);
  call.reply.verbatim(text);
}

function clientKill(call: Call): void {
  if (call.count === 3) {
    const address = call.text(2);
    for (const client of call.rooms.clients.all()) {
      if (client.address !== address) continue;
      call.reply.ok();
      end(call, client);
      return;
    }
    call.fail('ERR No such client');
    return;
  }
  const filters = filtersFrom(call, 2);
  if (filters === null) return;
  const victims = [...call.rooms.clients.all()].filter(
    (client) => filters.filter(client) && !(filters.skipMe && client === call.client),
  );
  call.reply.integer(victims.length);
  for (const client of victims) end(call, client);
}

/** The killer itself gets its reply first. */
function end(call: Call, client: Client): void {
  if (client === call.client) client.closing = true;
  else call.rooms.clients.kill(client, 'killed by CLIENT KILL');
}

function clientSetname(call: Call): void {
  const name = call.text(2);
  if (!isClientText(name)) {
    call.fail('ERR Client names cannot contain spaces, newlines or special characters.');
    return;
  }
  call.client.name = name;
  call.reply.ok();
}

function clientGetname(call: Call): void {
  if (call.client.name === '') call.reply.nil();
  else call.reply.bulkText(call.client.name);
}

function clientSetinfo(call: Call): void {
  const value = call.text(3);
  const isName = call.is(2, 'LIB-NAME');
  if (!isName && !call.is(2, 'LIB-VER')) {
    call.fail(`ERR Unrecognized option '${call.text(2)}'`);
    return;
  }
  if (!isClientText(value)) {
    call.fail(`ERR ${isName ? 'lib-name' : 'lib-ver'} cannot contain spaces, newlines or special characters.`);
    return;
  }
  if (isName) call.client.libraryName = value;
  else call.client.libraryVersion = value;
  call.reply.ok();
}

function clientReply(call: Call): void {
  const { client } = call;
  if (call.is(2, 'ON')) {
    client.replyMode = REPLY_ON;
    call.reply.ok();
  } else if (call.is(2, 'OFF')) client.replyMode = REPLY_OFF;
  else if (call.is(2, 'SKIP')) {
    if (client.replyMode !== REPLY_OFF) client.replyMode = REPLY_SKIP_NEXT;
  } else call.fail(ERR_SYNTAX);
}

function clientPause(call: Call): void {
  const timeoutMs = call.integer(2, 'ERR timeout is not an integer or out of range');
  if (call.failed) return;
  if (timeoutMs < 0) {
    call.fail('ERR timeout is negative');
    return;
  }
  let kind = PAUSE_ALL;
  if (call.count > 3) {
    if (call.count === 4 && call.is(3, 'WRITE')) kind = PAUSE_WRITES;
    else if (call.count !== 4 || !call.is(3, 'ALL')) {
      call.fail('ERR CLIENT PAUSE mode must be WRITE or ALL');
      return;
    }
  }
  call.rooms.clients.pause('client pause', call.nowMs + timeoutMs, kind);
  call.reply.ok();
}

function clientFlag(call: Call, apply: (client: Client, on: boolean) => void): void {
  if (!call.is(2, 'ON') && !call.is(2, 'OFF')) {
    call.fail(ERR_SYNTAX);
    return;
  }
  apply(call.client, call.is(2, 'ON'));
  call.reply.ok();
}

function clientUnblock(call: Call): void {
  const id = call.integer(2);
  if (call.failed) return;
  const withError = call.count === 4 && call.is(3, 'ERROR');
  if (call.count === 4 && !withError && !call.is(3, 'TIMEOUT')) {
    call.fail('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
    return;
  }
  const client = call.rooms.clients.find(id);
  const waiter = client?.waiter ?? null;
  if (client === null || waiter === null) {
    call.reply.integer(0);
    return;
  }
  const { clients } = call.rooms;
  if (withError) clients.unblockWithError(client, 'UNBLOCKED client unblocked via CLIENT UNBLOCK');
  else clients.resume(client, (reply) => waiter.timedOut(reply));
  call.reply.integer(1);
}

const CLIENT_FLAGS = NOSCRIPT | LOADING | STALE;
const CONNECTION = { group: 'connection', keys: NO_KEYS } as const;

const clientSubcommands: readonly Command[] = [
  {
    ...CONNECTION,
    name: 'id',
    arity: 2,
    since: '5.0.0',
    flags: CLIENT_FLAGS,
    summary: 'Returns the unique client ID of the connection.',
    run: (call) => call.reply.integer(call.client.id),
  },
  {
    ...CONNECTION,
    name: 'info',
    arity: 2,
    since: '6.2.0',
    flags: CLIENT_FLAGS,
    summary: 'Returns information about the connection.',
    run: (call) => call.reply.verbatim(describe(call, call.client)),
  },
  {
    ...CONNECTION,
    name: 'list',
    arity: -2,
    since: '2.4.0',
    flags: ADMIN | CLIENT_FLAGS,
    summary: 'Lists open connections.',
    run: clientList,
  },
  {
    ...CONNECTION,
    name: 'kill',
    arity: -3,
    since: '2.4.0',
    flags: ADMIN | CLIENT_FLAGS,
    summary: 'Terminates open connections.',
    run: clientKill,
  },
  {
    ...CONNECTION,
    name: 'setname',
    arity: 3,
    since: '2.6.9',
    flags: CLIENT_FLAGS,
    summary: 'Sets the connection name.',
    run: clientSetname,
  },
  {
    ...CONNECTION,
    name: 'getname',
    arity: 2,
    since: '2.6.9',
    flags: CLIENT_FLAGS,
    summary: 'Returns the name of the connection.',
    run: clientGetname,
  },
  {
    ...CONNECTION,
    name: 'setinfo',
    arity: 4,
    since: '7.2.0',
    flags: CLIENT_FLAGS,
    summary: 'Sets information specific to the client or connection.',
    run: clientSetinfo,
  },
  {
    ...CONNECTION,
    name: 'reply',
    arity: 3,
    since: '3.2.0',
    flags: CLIENT_FLAGS,
    summary: 'Instructs the server whether to reply to commands.',
    run: clientReply,
  },
  {
    ...CONNECTION,
    name: 'pause',
    arity: -3,
    since: '3.0.0',
    flags: ADMIN | CLIENT_FLAGS,
    summary: 'Suspends commands processing.',
    run: clientPause,
  },
  {
    ...CONNECTION,
    name: 'unpause',
    arity: 2,
    since: '6.2.0',
    flags: ADMIN | CLIENT_FLAGS,
    summary: 'Resumes processing commands from paused clients.',
    run: (call) => {
      call.rooms.clients.unpause('client pause');
      call.reply.ok();
    },
  },
  {
    ...CONNECTION,
    name: 'unblock',
    arity: -3,
    since: '5.0.0',
    flags: ADMIN | CLIENT_FLAGS,
    summary: 'Unblocks a client blocked by a blocking command from a different connection.',
    run: clientUnblock,
  },
  {
    ...CONNECTION,
    name: 'no-evict',
    arity: 3,
    since: '7.0.0',
    flags: ADMIN | CLIENT_FLAGS,
    summary: 'Sets the client eviction mode of the connection.',
    run: (call) =>
      clientFlag(call, (client, on) => {
        client.noEvict = on;
      }),
  },
  {
    ...CONNECTION,
    name: 'no-touch',
    arity: 3,
    since: '7.2.0',
    flags: CLIENT_FLAGS,
    summary: 'Controls whether commands sent by the client affect the LRU/LFU of accessed keys.',
    run: (call) =>
      clientFlag(call, (client, on) => {
        client.noTouch = on;
      }),
  },
  {
    ...CONNECTION,
    name: 'help',
    arity: 2,
    since: '5.0.0',
    flags: LOADING | STALE,
    summary: 'Returns helpful text about the different subcommands.',
    run: (call) =>
      call.help([
        'GETNAME',
        '    Return the name of the current connection.',
        'ID',
        '    Return the ID of the current connection.',
        'INFO',
        '    Return information about the current client connection.',
        'KILL <option> <value> [<option> <value> [...]]',
        '    Kill connections.',
        'LIST [options ...]',
        '    Return information about client connections.',
        'PAUSE <timeout> [WRITE|ALL]',
        '    Suspend all, or just write, clients for <timeout> milliseconds.',
        'REPLY (ON|OFF|SKIP)',
        '    Control the replies sent to the current connection.',
        'SETNAME <name>',
        '    Assign the name <name> to the current connection.',
        'SETINFO <option> <value>',
        '    Set client meta attr.',
        'UNBLOCK <clientid> [TIMEOUT|ERROR]',
        '    Unblock the specified blocked client.',
        'UNPAUSE',
        '    Stop the current client pause, resuming traffic.',
      ]),
  },
];

export const connectionCommands: readonly Command[] = [
  {
    ...CONNECTION,
    name: 'ping',
    arity: -1,
    since: '1.0.0',
    flags: FAST | IN_SUBSCRIBER_MODE,
    summary: "Returns the server's liveliness response.",
    run: ping,
  },
  {
    ...CONNECTION,
    name: 'echo',
    arity: 2,
    since: '1.0.0',
    flags: FAST,
    summary: 'Returns the given string.',
    run: (call) => call.replyArgument(1),
  },
  {
    ...CONNECTION,
    name: 'select',
    arity: 2,
    since: '1.0.0',
    flags: LOADING | STALE | FAST,
    summary: 'Changes the selected database.',
    run: select,
  },
  {
    ...CONNECTION,
    name: 'auth',
    arity: -2,
    since: '1.0.0',
    flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SKIP_COMMANDLOG | ALLOW_BUSY,
    summary: 'Authenticates the connection.',
    run: auth,
  },
  {
    ...CONNECTION,
    name: 'hello',
    arity: -1,
    since: '6.0.0',
    flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | SKIP_COMMANDLOG | ALLOW_BUSY,
    summary: 'Handshakes with the server.',
    run: hello,
  },
  {
    ...CONNECTION,
    name: 'quit',
    arity: -1,
    since: '1.0.0',
    flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | NOT_QUEUED | IN_SUBSCRIBER_MODE,
    summary: 'Closes the connection.',
    run: quit,
  },
  {
    ...CONNECTION,
    name: 'reset',
    arity: 1,
    since: '6.2.0',
    flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | NOT_QUEUED | IN_SUBSCRIBER_MODE,
    summary: 'Resets the connection.',
    run: reset,
  },
  {
    ...CONNECTION,
    name: 'client',
    arity: -2,
    since: '2.4.0',
    flags: 0,
    summary: 'A container for client connection commands.',
    run: (call) => call.fail("ERR wrong number of arguments for 'client' command"),
    subcommands: clientSubcommands,
  },
];
