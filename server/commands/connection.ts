/**
 * Commands about the connection itself: AUTH, HELLO, SELECT, PING, RESET and their kin; CLIENT stands in client-commands.ts.
 * Source: Valkey 9.1 networking.c, acl.c, connection commands' metadata.
 */

import { DENIED_AUTH } from '../acl/check.ts';
import { REDIS_VERSION, VALKEY_VERSION } from '../config/version.ts';
import { OBSERVED_BY_WATCH } from '../keyspace/keyspace.ts';
import {
  ERR_AUTH_NOT_SET,
  ERR_DB_INDEX,
  ERR_INT32_RANGE,
  ERR_NO_AUTH,
  ERR_NOPROTO,
  ERR_SYNTAX,
  ERR_WRONG_PASS,
} from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { NORMAL_CLIENT, PUBSUB_CLIENT, REPLY_ON } from './client.ts';
import { clientSubcommands, ERR_CLIENT_NAME, isClientText } from './client-commands.ts';
import { describeClient } from './client-info.ts';
import {
  ALLOW_BUSY,
  type Command,
  FAST,
  IN_SUBSCRIBER_MODE,
  LOADING,
  NO_AUTH,
  NO_KEYS,
  NOSCRIPT,
  NOT_QUEUED,
  STALE,
} from './command.ts';
import { replyModules } from './module.ts';

const MAX_INT32 = 2 ** 31;

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
  const index = call.integer(1);
  if (call.failed) return;
  if (Math.abs(index) > MAX_INT32) {
    call.fail(ERR_INT32_RANGE);
    return;
  }
  if (call.keyspace.databases[index] === undefined) {
    call.fail(ERR_DB_INDEX);
    return;
  }
  call.client.databaseIndex = index;
  call.reply.ok();
}

/** Makes the client the user's whose name and password these are; a wrong pair is answered and logged. */
function authenticate(call: Call, name: string, password: string): boolean {
  const { acl, clients } = call.rooms;
  const { client } = call;
  const user = acl.authenticate(name, password);
  if (user !== null) {
    client.user = user;
    client.authenticated = true;
    client.wasAuthenticated = true;
    return true;
  }
  const context = client.inTransaction || call.inExec ? 'multi' : 'toplevel';
  const info = (): string => describeClient(call.rooms, clients.current ?? client);
  acl.log.add(DENIED_AUTH, context, call.latin1(0), name, info, call.nowMs);
  call.fail(ERR_WRONG_PASS);
  return false;
}

function auth(call: Call): void {
  if (call.count > 3) {
    call.fail(ERR_SYNTAX);
    return;
  }
  if (call.count === 2 && call.rooms.acl.defaultUser.noPassword) {
    call.fail(ERR_AUTH_NOT_SET);
    return;
  }
  const name = call.count === 3 ? call.latin1(1) : 'default';
  if (authenticate(call, name, call.latin1(call.count - 1))) call.reply.ok();
}

function hello(call: Call): void {
  const { client, reply } = call;
  let protocol = client.output.protocol;
  if (call.count > 1) {
    protocol = call.integer(1, 'ERR Protocol version is not an integer or out of range');
    if (call.failed) return;
    if (protocol !== 2 && protocol !== 3) {
      call.fail(ERR_NOPROTO);
      return;
    }
  }
  let credentials = 0;
  let name: string | null = null;
  for (let next = 2; next < call.count; ) {
    if (call.is(next, 'AUTH') && next + 2 < call.count) {
      credentials = next + 1;
      next += 3;
    } else if (call.is(next, 'SETNAME') && next + 1 < call.count) {
      name = call.text(next + 1);
      if (!isClientText(name)) {
        call.fail(ERR_CLIENT_NAME);
        return;
      }
      next += 2;
    } else {
      call.fail(`ERR Syntax error in HELLO option '${call.text(next)}'`);
      return;
    }
  }
  if (credentials > 0 && !authenticate(call, call.latin1(credentials), call.latin1(credentials + 1))) return;
  if (!client.authenticated) {
    call.fail(
      `${ERR_NO_AUTH.slice(0, 6)} HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time`,
    );
    return;
  }
  if (name !== null) client.name = name;
  client.output.protocol = protocol;
  reply.protocol = protocol;
  describeServer(call);
}

function describeServer(call: Call): void {
  const { client, reply, rooms } = call;
  const zone = rooms.settings.directive('availability-zone') === null ? '' : rooms.settings.text('availability-zone');
  reply.map(zone === '' ? 7 : 8);
  reply.bulkText('server');
  const asRedis = rooms.settings.flag('extended-redis-compatibility');
  reply.bulkText(asRedis ? 'redis' : 'valkey');
  reply.bulkText('version');
  reply.bulkText(asRedis ? REDIS_VERSION : VALKEY_VERSION);
  reply.bulkText('proto');
  reply.integer(client.output.protocol);
  reply.bulkText('id');
  reply.integer(client.id);
  reply.bulkText('mode');
  reply.bulkText(call.keyspace.slots > 1 ? 'cluster' : 'standalone');
  reply.bulkText('role');
  reply.bulkText(rooms.role() === 'replica' ? 'replica' : 'master');
  reply.bulkText('modules');
  replyModules(reply);
  if (zone === '') return;
  reply.bulkText('availability_zone');
  reply.bulkText(zone);
}

function quit(call: Call): void {
  call.reply.ok();
  call.client.closing = true;
}

function reset(call: Call): void {
  const { client, rooms } = call;
  if (client.kind !== NORMAL_CLIENT && client.kind !== PUBSUB_CLIENT) {
    call.fail('ERR can only reset normal client connections');
    return;
  }
  rooms.monitors.remove(client);
  rooms.tracking.stop(client);
  client.discardTransaction();
  rooms.watches.drop(client);
  call.keyspace.observe(OBSERVED_BY_WATCH, rooms.watches.count > 0);
  rooms.pubsub.forget(client);
  client.name = '';
  client.databaseIndex = 0;
  client.asking = false;
  client.readOnly = false;
  client.replyMode = REPLY_ON;
  client.noEvict = false;
  client.noTouch = false;
  client.importSource = false;
  client.output.protocol = 2;
  call.reply.protocol = 2;
  client.user = rooms.acl.defaultUser;
  client.authenticated = client.user.open;
  call.reply.simple('RESET');
}

const CONNECTION = { group: 'connection', keys: NO_KEYS } as const;
const BEFORE_AUTH = NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY;

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
    flags: LOADING | STALE | FAST,
    summary: 'Returns the given string.',
    run: (call) => call.replyArgument(1),
  },
  {
    ...CONNECTION,
    name: 'select',
    arity: 2,
    since: '1.0.0',
    flags: LOADING | STALE | FAST | ALLOW_BUSY,
    summary: 'Changes the selected database.',
    run: select,
  },
  {
    ...CONNECTION,
    name: 'auth',
    arity: -2,
    since: '1.0.0',
    flags: BEFORE_AUTH,
    summary: 'Authenticates the connection.',
    run: auth,
  },
  {
    ...CONNECTION,
    name: 'hello',
    arity: -1,
    since: '6.0.0',
    flags: BEFORE_AUTH,
    summary: 'Handshakes with the server.',
    run: hello,
  },
  {
    ...CONNECTION,
    name: 'quit',
    arity: -1,
    since: '1.0.0',
    flags: BEFORE_AUTH | NOT_QUEUED | IN_SUBSCRIBER_MODE,
    summary: 'Closes the connection.',
    run: quit,
  },
  {
    ...CONNECTION,
    name: 'reset',
    arity: 1,
    since: '6.2.0',
    flags: BEFORE_AUTH | NOT_QUEUED | IN_SUBSCRIBER_MODE,
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
