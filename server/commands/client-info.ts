/** How a client is told in CLIENT LIST, CLIENT INFO and the ACL log. Source: Valkey 9.1 networking.c catClientInfoString. */
import { type Client, IMPORT_CLIENT, PUBSUB_CLIENT, REPLICA_CLIENT, STREAM_CLIENT } from './client.ts';
import type { Rooms } from './rooms.ts';

/** The letters that a filter may ask for. */
export const CLIENT_FLAGS = 'OSMPxbtRBdcuAUreTIiEN';

/** A client's flags; `N` for none. */
export function flagsOf(client: Client): string {
  let flags = '';
  if (client.monitor) flags += 'O';
  else if (client.kind === REPLICA_CLIENT) flags += 'S';
  if (client.kind === STREAM_CLIENT) flags += 'M';
  if (client.kind === PUBSUB_CLIENT) flags += 'P';
  if (client.inTransaction) flags += 'x';
  if (client.waiter !== null || client.paused) flags += 'b';
  if (client.tracking !== null) flags += 't';
  if (client.tracking?.brokenRedirect === true) flags += 'R';
  if (client.tracking?.broadcast === true) flags += 'B';
  if (client.watchBroken) flags += 'd';
  if (client.closing) flags += 'c';
  if (client.killed) flags += 'A';
  if (client.address.startsWith('/')) flags += 'U';
  if (client.readOnly) flags += 'r';
  if (client.noEvict) flags += 'e';
  if (client.noTouch) flags += 'T';
  if (client.importSource) flags += 'I';
  if (client.kind === IMPORT_CLIENT) flags += 'i';
  return flags === '' ? 'N' : flags;
}

/** One line of CLIENT LIST, without its end. `argumentBytes`: of the command that the client runs. */
export function describeClient(rooms: Rooms, client: Client, argumentBytes = 0): string {
  const { nowMs } = rooms.keyspace;
  const memory = rooms.clients.memoryOf(client);
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', client.id],
    ['addr', client.address],
    ['laddr', client.localAddress],
    ['fd', client.descriptor],
    ['name', client.name],
    ['age', Math.floor((nowMs - client.createdAtMs) / 1000)],
    ['idle', Math.floor(nowMs / 1000) - client.lastInteractionSeconds],
    ['flags', flagsOf(client)],
    ['capa', client.redirectCapable ? 'r' : ''],
    ['db', client.databaseIndex],
    ['sub', client.channels?.size ?? 0],
    ['psub', client.patterns?.size ?? 0],
    ['ssub', client.shardChannels?.size ?? 0],
    ['multi', client.hadTransaction ? client.queued.length : -1],
    ['watch', client.watching ? [...rooms.watches.keysOf(client)].length : 0],
    ['qbuf', client.inputBytes],
    ['qbuf-free', Math.max(0, client.inputBufferBytes - client.inputBytes)],
    ['argv-mem', argumentBytes],
    ['multi-mem', client.queuedBytes],
    ['rbs', memory.replyBuffer],
    ['rbp', memory.replyBuffer],
    ['obl', client.output.length],
    ['oll', memory.unsent > 0 ? 1 : 0],
    ['omem', memory.output],
    ['tot-mem', memory.total],
    ['events', client.closing || memory.unsent > 0 ? 'rw' : 'r'],
    ['cmd', client.lastCommand === '' ? 'NULL' : client.lastCommand],
    ['user', client.user.name],
    ['redir', client.tracking?.redirect ?? -1],
    ['resp', client.output.protocol],
    ['lib-name', client.libraryName],
    ['lib-ver', client.libraryVersion],
    ['tot-net-in', client.traffic[0]!],
    ['tot-net-out', client.traffic[1]!],
    ['tot-cmds', client.commandCount],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(' ');
}
