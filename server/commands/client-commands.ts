/** CLIENT and its subcommands. Source: Valkey 9.1 networking.c, `src/commands/client-*.json`. */
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { type Client, REPLY_OFF, REPLY_ON, REPLY_SKIP_NEXT } from './client.ts';
import { type ClientFilter, filtersFrom } from './client-filters.ts';
import { describeClient } from './client-info.ts';
import { clientCaching, clientGetredir, clientTracking, clientTrackinginfo } from './client-tracking.ts';
import { PAUSE_ALL, PAUSE_WRITES } from './clients.ts';
import { ADMIN, ALLOW_BUSY, type Command, LOADING, NO_KEYS, NO_MULTI, NOSCRIPT, STALE } from './command.ts';

export const ERR_CLIENT_NAME = 'ERR Client names cannot contain spaces, newlines or special characters.';

/** Names and library names: printable ASCII without spaces. */
export function isClientText(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

function argumentBytesOf(call: Call): number {
  let bytes = 0;
  for (let i = 0; i < call.count; i++) bytes += call.length(i);
  return bytes;
}

function describe(call: Call, client: Client): string {
  return `${describeClient(call.rooms, client, client === call.client ? argumentBytesOf(call) : 0)}\n`;
}

function clientList(call: Call): void {
  if (call.count === 3) {
    call.fail(ERR_SYNTAX);
    return;
  }
  const filter = filtersFrom(call, 2, false);
  if (filter === null) return;
  let text = '';
  for (const client of call.rooms.clients.all()) if (chosen(call, filter, client)) text += describe(call, client);
  call.reply.verbatim(text);
}

function chosen(call: Call, filter: ClientFilter, client: Client): boolean {
  return filter.admits(client) && !(filter.skipMe && client === call.client);
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
  const filter = filtersFrom(call, 2, true);
  if (filter === null) return;
  const victims = [...call.rooms.clients.all()].filter((client) => chosen(call, filter, client));
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
    call.fail(ERR_CLIENT_NAME);
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
  const attribute = call.text(2);
  const value = call.text(3);
  const isName = call.is(2, 'LIB-NAME');
  if (!isName && !call.is(2, 'LIB-VER')) {
    call.fail(`ERR Unrecognized option '${attribute}'`);
    return;
  }
  if (!isClientText(value)) {
    call.fail(`ERR ${attribute} cannot contain spaces, newlines or special characters.`);
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
  let kind = PAUSE_ALL;
  if (call.count === 4) {
    if (call.is(3, 'WRITE')) kind = PAUSE_WRITES;
    else if (!call.is(3, 'ALL')) {
      call.fail('ERR CLIENT PAUSE mode must be WRITE or ALL');
      return;
    }
  }
  const timeoutMs = call.timeoutMilliseconds(2);
  if (call.failed) return;
  call.rooms.clients.pause('client pause', call.nowMs + timeoutMs, kind);
  call.reply.ok();
}

function clientUnpause(call: Call): void {
  call.rooms.clients.unpause('client pause');
  call.reply.ok();
}

function clientFlag(call: Call, apply: (client: Client, on: boolean) => void): void {
  const on = call.is(2, 'ON');
  if (!on && !call.is(2, 'OFF')) {
    call.fail(ERR_SYNTAX);
    return;
  }
  apply(call.client, on);
  call.reply.ok();
}

function clientImportSource(call: Call): void {
  if (!call.rooms.settings.flag('import-mode') && !call.is(2, 'OFF')) {
    call.fail('ERR Server is not in import mode');
    return;
  }
  clientFlag(call, (client, on) => {
    client.importSource = on;
  });
}

/** What a client claims to understand; words that are not known are for later servers. */
function clientCapa(call: Call): void {
  for (let i = 2; i < call.count; i++) if (call.is(i, 'REDIRECT')) call.client.redirectCapable = true;
  call.reply.ok();
}

function clientUnblock(call: Call): void {
  const withError = call.count === 4 && call.is(3, 'ERROR');
  if (call.count === 4 && !withError && !call.is(3, 'TIMEOUT')) {
    call.fail('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
    return;
  }
  const id = call.integer(2);
  if (call.failed) return;
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

const HELP = [
  'CACHING (YES|NO)',
  '    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.',
  'CAPA <option> [options...]',
  '    The client claims its some capability options. Options are:',
  '    * REDIRECT',
  '      The client can handle redirection during primary and replica failover in standalone mode.',
  'GETREDIR',
  '    Return the client ID we are redirecting to when tracking is enabled.',
  'GETNAME',
  '    Return the name of the current connection.',
  'ID',
  '    Return the ID of the current connection.',
  'INFO',
  '    Return information about the current client connection.',
  'KILL <ip:port>',
  '    Kill connection made from <ip:port>.',
  'KILL <option> <value> [<option> <value> [...]]',
  '    Kill connections. Options are:',
  '    * ADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made from the specified address.',
  '    * LADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made to the specified local address.',
  '    * TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB)',
  '      Kill connections by type.',
  '    * USER <username>',
  '      Kill connections authenticated by <username>.',
  '    * SKIPME (YES|NO)',
  '      Skip killing current connection (default: yes).',
  '    * ID <client-id> [<client-id>...]',
  '      Kill connections by client IDs.',
  '    * MAXAGE <maxage>',
  '      Kill connections older than the specified age.',
  '    * FLAGS <flags>',
  '      Kill connections that include the specified flags.',
  '    * NAME <client-name>',
  '      Kill connections with the specified name.',
  '    * IDLE <idle>',
  '      Kill connections with idle time greater than or equal to <idle> seconds.',
  '    * LIB-NAME <library-name>',
  '      Kill connections with the specified library name.',
  '    * LIB-VER <library-version>',
  '      Kill connections with the specified library version.',
  '    * DB <db-id>',
  '      Kill connections currently operating on the specified database ID.',
  '    * CAPA <capa>',
  '      Kill connections currently with the specified capa.',
  '    * IP <ip>',
  '      Kill connections made from the specified ip.',
  'LIST [options ...]',
  '    Return information about client connections. Options:',
  '    * TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB)',
  '      Return clients of specified type.',
  '    * USER <username>',
  '      Return clients authenticated by <username>.',
  '    * ADDR <ip:port>',
  '      Return clients connected from the specified address.',
  '    * LADDR <ip:port>',
  '      Return clients connected to the specified local address.',
  '    * ID <client-id> [<client-id>...]',
  '      Return clients with the specified IDs.',
  '    * SKIPME (YES|NO)',
  '      Exclude the current client from the list (default: no).',
  '    * MAXAGE <maxage>',
  '      List connections older than the specified age.',
  '    * FLAGS <flags>',
  '      Return clients with the specified flags.',
  '    * NAME <client-name>',
  '      Return clients with the specified name.',
  '    * IDLE <idle>',
  '      Return clients with idle time greater than or equal to <idle> seconds.',
  '    * LIB-NAME <lib-name>',
  '      Return clients with the specified lib name.',
  '    * LIB-VER <lib-version>',
  '      Return clients with the specified lib version.',
  '    * DB <db-id>',
  '      Return clients currently operating on the specified database ID.',
  '    * CAPA <capa>',
  '      Return connections currently with the specified capa.',
  '    * IP <ip>',
  '      Return connections made from the specified ip.',
  'UNPAUSE',
  '    Stop the current client pause, resuming traffic.',
  'PAUSE <timeout> [WRITE|ALL]',
  '    Suspend all, or just write, clients for <timeout> milliseconds.',
  'REPLY (ON|OFF|SKIP)',
  '    Control the replies sent to the current connection.',
  'SETNAME <name>',
  '    Assign the name <name> to the current connection.',
  'SETINFO <option> <value>',
  '    Set client meta attr. Options are:',
  '    * LIB-NAME: the client lib name.',
  '    * LIB-VER: the client lib version.',
  'UNBLOCK <clientid> [TIMEOUT|ERROR]',
  '    Unblock the specified blocked client.',
  'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]',
  '         [OPTIN] [OPTOUT] [NOLOOP]',
  '    Control server assisted client side caching.',
  'TRACKINGINFO',
  '    Report tracking status for the current connection.',
  'NO-EVICT (ON|OFF)',
  '    Protect current client connection from eviction.',
  'NO-TOUCH (ON|OFF)',
  '    Will not touch LRU/LFU stats when this mode is on.',
  'IMPORT-SOURCE (ON|OFF)',
  '    Mark this connection as an import source if import-mode is enabled.',
  "    Sync tools can set their connections into 'import-source' state to visit",
  '    expired keys.',
];

const PLAIN = NOSCRIPT | LOADING | STALE;
const BUSY = PLAIN | ALLOW_BUSY;

type Row = Pick<Command, 'name' | 'arity' | 'since' | 'flags' | 'summary' | 'run'>;

const rows: readonly Row[] = [
  {
    name: 'caching',
    arity: 3,
    since: '6.0.0',
    flags: BUSY,
    summary: 'Instructs the server whether to track the keys in the next request.',
    run: clientCaching,
  },
  {
    name: 'capa',
    arity: -3,
    since: '8.0.0',
    flags: BUSY,
    summary: 'A client claims its capability.',
    run: clientCapa,
  },
  {
    name: 'getname',
    arity: 2,
    since: '2.6.9',
    flags: BUSY,
    summary: 'Returns the name of the connection.',
    run: clientGetname,
  },
  {
    name: 'getredir',
    arity: 2,
    since: '6.0.0',
    flags: BUSY,
    summary: "Returns the client ID to which the connection's tracking notifications are redirected.",
    run: clientGetredir,
  },
  {
    name: 'help',
    arity: 2,
    since: '5.0.0',
    flags: LOADING | STALE,
    summary: 'Returns helpful text about the different subcommands.',
    run: (call) => call.help(HELP),
  },
  {
    name: 'id',
    arity: 2,
    since: '5.0.0',
    flags: BUSY,
    summary: 'Returns the unique client ID of the connection.',
    run: (call) => call.reply.integer(call.client.id),
  },
  {
    name: 'import-source',
    arity: 3,
    since: '8.1.0',
    flags: PLAIN,
    summary: 'Marks this client as an import source when the server is in import mode.',
    run: clientImportSource,
  },
  {
    name: 'info',
    arity: 2,
    since: '6.2.0',
    flags: PLAIN,
    summary: 'Returns information about the connection.',
    run: (call) => call.reply.verbatim(describe(call, call.client)),
  },
  {
    name: 'kill',
    arity: -3,
    since: '2.4.0',
    flags: ADMIN | PLAIN,
    summary: 'Terminates open connections.',
    run: clientKill,
  },
  {
    name: 'list',
    arity: -2,
    since: '2.4.0',
    flags: ADMIN | PLAIN,
    summary: 'Lists open connections.',
    run: clientList,
  },
  {
    name: 'no-evict',
    arity: 3,
    since: '7.0.0',
    flags: ADMIN | BUSY,
    summary: 'Sets the client eviction mode of the connection.',
    run: (call) =>
      clientFlag(call, (client, on) => {
        client.noEvict = on;
      }),
  },
  {
    name: 'no-touch',
    arity: 3,
    since: '7.2.0',
    flags: BUSY,
    summary: 'Controls whether commands sent by the client affect the LRU/LFU of accessed keys.',
    run: (call) =>
      clientFlag(call, (client, on) => {
        client.noTouch = on;
      }),
  },
  {
    name: 'pause',
    arity: -3,
    since: '3.0.0',
    flags: ADMIN | PLAIN,
    summary: 'Suspends commands processing.',
    run: clientPause,
  },
  {
    name: 'reply',
    arity: 3,
    since: '3.2.0',
    flags: BUSY | NO_MULTI,
    summary: 'Instructs the server whether to reply to commands.',
    run: clientReply,
  },
  {
    name: 'setinfo',
    arity: 4,
    since: '7.2.0',
    flags: BUSY,
    summary: 'Sets information specific to the client or connection.',
    run: clientSetinfo,
  },
  {
    name: 'setname',
    arity: 3,
    since: '2.6.9',
    flags: BUSY,
    summary: 'Sets the connection name.',
    run: clientSetname,
  },
  {
    name: 'tracking',
    arity: -3,
    since: '6.0.0',
    flags: PLAIN,
    summary: 'Controls server-assisted client-side caching for the connection.',
    run: clientTracking,
  },
  {
    name: 'trackinginfo',
    arity: 2,
    since: '6.2.0',
    flags: PLAIN,
    summary: 'Returns information about server-assisted client-side caching for the connection.',
    run: clientTrackinginfo,
  },
  {
    name: 'unblock',
    arity: -3,
    since: '5.0.0',
    flags: ADMIN | PLAIN,
    summary: 'Unblocks a client blocked by a blocking command from a different connection.',
    run: clientUnblock,
  },
  {
    name: 'unpause',
    arity: 2,
    since: '6.2.0',
    flags: ADMIN | PLAIN,
    summary: 'Resumes processing commands from paused clients.',
    run: clientUnpause,
  },
];

export const clientSubcommands: readonly Command[] = rows.map((row) => ({
  ...row,
  group: 'connection',
  keys: NO_KEYS,
}));
