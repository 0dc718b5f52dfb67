/**
 * CLUSTER and its subcommands, ASKING, READONLY, READWRITE. Replies and error texts are Valkey 9.1's.
 * What reads the cluster is in cluster-views.ts, slot migration in cluster-migration.ts; the changes themselves in server/cluster.
 */
import * as admin from '../cluster/administration.ts';
import { bumpEpoch } from '../cluster/epochs.ts';
import { failureReports } from '../cluster/failure-detection.ts';
import { BUS_PORT_OFFSET, SLOTS } from '../cluster/limits.ts';
import { type FailoverMode, startManualFailover } from '../cluster/manual-failover.ts';
import { type ClusterState, SAVE_DURABLY } from '../cluster/state.ts';
import { slotOf } from '../keyspace/slot.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_ARITY, ERR_SYNTAX } from '../protocol/errors.ts';
import { parseInteger } from '../protocol/numbers.ts';
import type { Call } from './call.ts';
import { STREAM_CLIENT } from './client.ts';
import { clusterMigrationCommands } from './cluster-migration.ts';
import { clusterOf } from './cluster-room.ts';
import { slotStats } from './cluster-slot-stats.ts';
import { parseSlot } from './cluster-slots.ts';
import {
  clusterInfo,
  clusterLinks,
  clusterMyId,
  clusterMyShardId,
  clusterNodes,
  clusterReplicas,
  clusterShards,
  clusterSlots,
} from './cluster-views.ts';
import {
  ADMIN,
  type Command,
  FAST,
  LOADING,
  MAY_REPLICATE,
  NO_ASYNC_LOADING,
  NO_KEYS,
  NOSCRIPT,
  STALE,
  WRITE,
} from './command.ts';

const CHANGE = NO_ASYNC_LOADING | ADMIN | STALE;

const HELP = [
  'COUNTKEYSINSLOT <slot>',
  '    Return the number of keys in <slot>.',
  'GETKEYSINSLOT <slot> <count>',
  '    Return key names stored by current node in a slot.',
  'INFO',
  '    Return information about the cluster.',
  'KEYSLOT <key>',
  '    Return the hash slot for <key>.',
  'MYID',
  '    Return the node id.',
  'MYSHARDID',
  "    Return the node's shard id.",
  'NODES',
  '    Return cluster configuration seen by node. Output format:',
  '    <id> <ip:port@bus-port[,hostname]> <flags> <primary> <pings> <pongs> <epoch> <link> <slot> ...',
  'REPLICAS <node-id>',
  '    Return <node-id> replicas.',
  'SLOTS',
  '    Return information about slots range mappings. Each range is made of:',
  '    start, end, primary and replicas IP addresses, ports and ids',
  'SLOT-STATS',
  '    Return an array of slot usage statistics for slots assigned to the current node.',
  'SHARDS',
  '    Return information about slot range mappings and the nodes associated with them.',
  'ADDSLOTS <slot> [<slot> ...]',
  '    Assign slots to current node.',
  'ADDSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]',
  '    Assign slots which are between <start-slot> and <end-slot> to current node.',
  'BUMPEPOCH',
  '    Advance the cluster config epoch.',
  'COUNT-FAILURE-REPORTS <node-id>',
  '    Return number of failure reports for <node-id>.',
  'DELSLOTS <slot> [<slot> ...]',
  '    Delete slots information from current node.',
  'DELSLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...]',
  '    Delete slots information which are between <start-slot> and <end-slot> from current node.',
  'FAILOVER [FORCE|TAKEOVER]',
  '    Promote current replica node to being a master.',
  'FORGET <node-id>',
  '    Remove a node from the cluster.',
  'FLUSHSLOTS',
  '    Delete current node own slots information.',
  'MEET <ip> <port> [<bus-port>]',
  '    Connect nodes into a working cluster.',
  'REPLICATE <node-id>',
  '    Configure current node as replica to <node-id>.',
  'RESET [HARD|SOFT]',
  '    Reset current node (default: soft).',
  'SET-CONFIG-EPOCH <epoch>',
  '    Set config epoch of current node.',
  'SETSLOT <slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)',
  '    Set slot state.',
  'SAVECONFIG',
  '    Force saving cluster configuration on disk.',
  'LINKS',
  '    Return information about all network links between this node and its peers.',
  '    Output format is an array where each array element is a map containing attributes of a link',
  'MIGRATESLOTS SLOTSRANGE start-slot end-slot [start-slot end-slot ...] NODE node-id [SLOTSRANGE start-slot end-slot [start-slot end-slot ...] NODE node-id ...]',
  '    Migrate the specified slot ranges from this node to the specified node.',
  'CANCELSLOTMIGRATIONS ALL',
  '    Cancel all migrations.',
  'GETSLOTMIGRATIONS',
  '    Get information about ongoing and recently finished slot imports and exports.',
] as const;

/** Makes a change as one event of the cluster; replies its error or +OK. */
function change(call: Call, make: (state: ClusterState) => string | null): void {
  const room = clusterOf(call);
  if (room === null) return;
  const error = room.cluster.run(call.nowMs, make);
  if (error === null) call.reply.ok();
  else call.fail(error);
}

function meet(call: Call): void {
  if (clusterOf(call) === null) return;
  if (call.count > 5) return call.failSubcommand();
  const port = parseInteger(call.bytes, call.starts[3]!, call.ends[3]!);
  if (Number.isNaN(port)) return call.fail(`ERR Invalid base port specified: ${call.text(3)}`);
  if (port <= 0 || port > 65535) return call.fail('ERR Port number is out of range');
  const busPort = call.count === 5 ? parseInteger(call.bytes, call.starts[4]!, call.ends[4]!) : port + BUS_PORT_OFFSET;
  if (Number.isNaN(busPort)) return call.fail(`ERR Invalid bus port specified: ${call.text(4)}`);
  if (busPort <= 0 || busPort > 65535) return call.fail('ERR Cluster bus port number is out of range');
  const ip = call.text(2).toLowerCase();
  if (!isIpAddress(ip)) return call.fail(`ERR Invalid node address specified: ${call.text(2)}:${call.text(3)}`);
  change(call, (state) => admin.meet(state, ip, port, busPort));
}

function isIpAddress(text: string): boolean {
  const parts = text.split('.');
  if (parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return true;
  const groups = text.split(':');
  if (groups.length < 3 || groups.length > 8 || !groups.every((group) => /^[0-9a-f]{0,4}$/.test(group))) return false;
  return text.includes('::')
    ? text.indexOf('::') === text.lastIndexOf('::')
    : groups.length === 8 && groups.every((group) => group !== '');
}

/** Slots one by one, from argument 2 on; null after the error was answered. */
function slotList(call: Call): number[] | null {
  const slots: number[] = [];
  for (let index = 2; index < call.count; index++) {
    const slot = parseSlot(call, index);
    if (slot < 0) return null;
    slots.push(slot);
  }
  return slots;
}

/** Slots of the ranges from argument 2 on; null after the error was answered. */
function slotsOfRanges(call: Call): number[] | null {
  const slots: number[] = [];
  if (call.count % 2 === 1) {
    call.fail(ERR_ARITY(call.entry.fullName));
    return null;
  }
  for (let index = 2; index < call.count; index += 2) {
    const start = parseSlot(call, index);
    if (start < 0) return null;
    const end = parseSlot(call, index + 1);
    if (end < 0) return null;
    if (start > end) {
      call.fail(`ERR start slot number ${start} is greater than end slot number ${end}`);
      return null;
    }
    for (let slot = start; slot <= end; slot++) slots.push(slot);
  }
  return slots;
}

function changeSlots(
  read: (call: Call) => number[] | null,
  make: (state: ClusterState, slots: readonly number[]) => string | null,
): (call: Call) => void {
  return (call) => {
    if (clusterOf(call) === null) return;
    const slots = read(call);
    if (slots !== null) change(call, (state) => make(state, slots));
  };
}

function setSlot(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const { state } = room.cluster;
  if (call.client.kind !== STREAM_CLIENT && state.myself.isReplica)
    return call.fail('ERR Please use SETSLOT only with masters.');
  if (room.migrations.anyImport()) return call.fail('ERR Slot import in progress.');
  if (room.migrations.anyExport()) return call.fail('ERR Slot export in progress.');
  const slot = parseSlot(call, 2);
  if (slot < 0) return;
  const action = call.text(3).toLowerCase();
  const known = action === 'migrating' || action === 'importing' || action === 'node' || action === 'stable';
  if (!known || (action !== 'stable' && call.count < 5)) {
    return call.fail('ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP');
  }
  for (let index = action === 'stable' ? 4 : 5; index < call.count; index++) {
    if (call.is(index, 'TIMEOUT') && index + 1 >= call.count) return call.fail('ERR Missing timeout value');
  }
  const name = action === 'stable' ? '' : call.text(4);
  const refusal = admin.checkSetSlot(state, slot, action, name);
  if (refusal !== null) return call.fail(refusal);
  room.cluster.run(call.nowMs, () => admin.setSlot(state, slot, action, name));
  call.propagateAs(Arguments.of('CLUSTER', 'SETSLOT', slot, action.toUpperCase(), ...(name === '' ? [] : [name])));
  call.changed(1);
  call.reply.ok();
}

function failover(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  let mode: FailoverMode = 'agreed';
  let replica = '';
  for (let index = 2; index < call.count; index++) {
    if (call.is(index, 'TAKEOVER')) mode = 'takeover';
    else if (call.is(index, 'FORCE')) mode = mode === 'takeover' ? mode : 'force';
    else if (call.client.kind === STREAM_CLIENT && call.is(index, 'REPLICAID') && index + 1 < call.count)
      replica = call.text(++index);
    else return call.fail(ERR_SYNTAX);
  }
  // A primary that shuts down names the replica that is to follow it; the others ignore it.
  if (replica !== '' && replica !== room.cluster.myself.name) return call.reply.ok();
  change(call, (state) => startManualFailover(state, mode));
}

function replicate(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  if (call.count > 4) return call.failSubcommand();
  if (call.count === 3) return change(call, (state) => admin.replicate(state, call.text(2)));
  if (!call.is(2, 'NO') || !call.is(3, 'ONE')) return call.failSubcommand();
  room.cluster.run(call.nowMs, admin.replicateNoOne);
  call.reply.ok();
}

function reset(call: Call): void {
  if (clusterOf(call) === null) return;
  if (call.count > 3) return call.failSubcommand();
  const hard = call.count === 3 && call.is(2, 'HARD');
  if (call.count === 3 && !hard && !call.is(2, 'SOFT')) return call.fail(ERR_SYNTAX);
  change(call, (state) => admin.reset(state, hard));
}

function setConfigEpoch(call: Call): void {
  if (clusterOf(call) === null) return;
  const epoch = call.integer(2);
  if (!call.failed) change(call, (state) => admin.setConfigEpoch(state, epoch));
}

function bump(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const bumped = room.cluster.run(call.nowMs, bumpEpoch);
  call.reply.simple(`${bumped ? 'BUMPED' : 'STILL'} ${room.cluster.myself.configEpoch}`);
}

function saveConfig(call: Call): void {
  change(call, (state) => {
    state.later(SAVE_DURABLY);
    return null;
  });
}

function countFailureReports(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const { state } = room.cluster;
  const node = state.nodes.find(call.text(2));
  if (node === null) call.fail(`ERR Unknown node ${call.text(2)}`);
  else call.reply.integer(failureReports(state, node));
}

function countKeysInSlot(call: Call): void {
  if (clusterOf(call) === null) return;
  const slot = call.integer(2);
  if (call.failed) return;
  if (slot < 0 || slot >= SLOTS) return call.fail('ERR Invalid slot');
  call.reply.integer(call.database.countInSlot(slot));
}

function getKeysInSlot(call: Call): void {
  if (clusterOf(call) === null) return;
  const slot = call.integer(2);
  if (call.failed) return;
  const most = call.integer(3);
  if (call.failed) return;
  if (slot < 0 || slot >= SLOTS || most < 0) return call.fail('ERR Invalid slot or number of keys');
  const { database } = call;
  let left = Math.min(most, database.countInSlot(slot));
  call.reply.array(left);
  if (left === 0 || !database.open(slot)) return;
  for (const entry of database.table.entries()) {
    if (left-- === 0) return;
    const view = database.view.open(database.arena, entry);
    call.reply.bulk(view.segment, view.keyAt, view.keyEnd);
  }
}

function flushSlot(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  if (call.count > 4) return call.failSubcommand();
  const slot = parseSlot(call, 2);
  if (slot < 0) return;
  if (call.count === 4 && !call.is(3, 'ASYNC') && !call.is(3, 'SYNC')) return call.fail(ERR_SYNTAX);
  // What is being moved would come back with the migration.
  const moving = room.migrations.isExporting(slot) || room.migrations.isImporting(slot);
  if (moving && call.client.kind !== STREAM_CLIENT) room.cluster.onFlush(call.nowMs);
  let removed = 0;
  for (const database of call.keyspace.databases) removed += database.clearSlot(slot);
  if (removed > 0) call.changed(removed);
  call.reply.ok();
}

function subcommand(
  name: string,
  arity: number,
  since: string,
  flags: number,
  summary: string,
  run: (call: Call) => void,
): Command {
  return { name, arity, since, flags, summary, run, group: 'cluster', keys: NO_KEYS };
}

const SUBCOMMANDS: readonly Command[] = [
  subcommand(
    'addslots',
    -3,
    '3.0.0',
    CHANGE,
    'Assigns new hash slots to a node.',
    changeSlots(slotList, admin.addSlots),
  ),
  subcommand(
    'addslotsrange',
    -4,
    '7.0.0',
    CHANGE,
    'Assigns new hash slot ranges to a node.',
    changeSlots(slotsOfRanges, admin.addSlots),
  ),
  subcommand('bumpepoch', 2, '3.0.0', CHANGE, 'Advances the cluster config epoch.', bump),
  subcommand(
    'count-failure-reports',
    3,
    '3.0.0',
    ADMIN | STALE,
    'Returns the number of active failure reports for a node. No new reports are created once the node is marked as failed.',
    countFailureReports,
  ),
  subcommand('countkeysinslot', 3, '3.0.0', STALE, 'Returns the number of keys in a hash slot.', countKeysInSlot),
  subcommand(
    'delslots',
    -3,
    '3.0.0',
    CHANGE,
    'Sets hash slots as unbound for a node.',
    changeSlots(slotList, admin.deleteSlots),
  ),
  subcommand(
    'delslotsrange',
    -4,
    '7.0.0',
    CHANGE,
    'Sets hash slot ranges as unbound for a node.',
    changeSlots(slotsOfRanges, admin.deleteSlots),
  ),
  subcommand(
    'failover',
    -2,
    '3.0.0',
    CHANGE,
    'Forces a replica to perform a manual failover of its primary.',
    failover,
  ),
  subcommand(
    'flushslot',
    -3,
    '9.0.0',
    WRITE | NO_ASYNC_LOADING | ADMIN,
    'Removes all keys from the target slot.',
    flushSlot,
  ),
  subcommand('flushslots', 2, '3.0.0', CHANGE, 'Deletes all slots information from a node.', (call) =>
    change(call, admin.dropOwnSlots),
  ),
  subcommand('forget', 3, '3.0.0', CHANGE, 'Removes a node from the nodes table.', (call) =>
    change(call, (state) => admin.forget(state, call.text(2))),
  ),
  subcommand('getkeysinslot', 4, '3.0.0', STALE, 'Returns the key names in a hash slot.', getKeysInSlot),
  subcommand('help', 2, '5.0.0', LOADING | STALE, 'Returns helpful text about the different subcommands.', (call) => {
    if (clusterOf(call) !== null) call.help(HELP);
  }),
  subcommand('info', 2, '3.0.0', LOADING | STALE, 'Returns information about the state of a node.', clusterInfo),
  subcommand('keyslot', 3, '3.0.0', STALE, 'Returns the hash slot for a key.', (call) =>
    call.reply.integer(slotOf(call.bytes, call.starts[2]!, call.ends[2]!)),
  ),
  subcommand('links', 2, '7.0.0', STALE, 'Returns a list of all TCP links to and from peer nodes.', clusterLinks),
  subcommand('meet', -4, '3.0.0', CHANGE, 'Forces a node to handshake with another node.', meet),
  subcommand('myid', 2, '3.0.0', LOADING | STALE, 'Returns the ID of a node.', clusterMyId),
  subcommand('myshardid', 2, '7.2.0', LOADING | STALE, 'Returns the shard ID of a node.', clusterMyShardId),
  subcommand('nodes', 2, '3.0.0', LOADING | STALE, 'Returns the cluster configuration for a node.', clusterNodes),
  subcommand('replicas', 3, '5.0.0', ADMIN | STALE, 'Lists the replica nodes of a primary node.', clusterReplicas),
  subcommand(
    'replicate',
    -3,
    '3.0.0',
    CHANGE,
    'Configures a node as replica of a primary node or detaches a replica from its primary.',
    replicate,
  ),
  subcommand('reset', -2, '3.0.0', ADMIN | STALE | NOSCRIPT, 'Resets a node.', reset),
  subcommand('saveconfig', 2, '3.0.0', CHANGE, 'Forces a node to save the cluster configuration to disk.', saveConfig),
  subcommand('set-config-epoch', 3, '3.0.0', CHANGE, 'Sets the configuration epoch for a new node.', setConfigEpoch),
  subcommand('setslot', -4, '3.0.0', CHANGE | MAY_REPLICATE, 'Binds a hash slot to a node.', setSlot),
  subcommand('shards', 2, '7.0.0', LOADING | STALE, 'Returns the mapping of cluster slots to shards.', clusterShards),
  subcommand('slaves', 3, '3.0.0', ADMIN | STALE, 'Lists the replica nodes of a primary node.', clusterReplicas),
  subcommand(
    'slot-stats',
    -4,
    '8.0.0',
    LOADING | STALE,
    'Return an array of slot usage statistics for slots assigned to the current node.',
    slotStats,
  ),
  subcommand('slots', 2, '3.0.0', LOADING | STALE, 'Returns the mapping of cluster slots to nodes.', clusterSlots),
  ...clusterMigrationCommands,
];

export const clusterCommands: readonly Command[] = [
  {
    ...subcommand('cluster', -2, '3.0.0', 0, 'A container for Cluster commands.', (call) =>
      call.fail(ERR_ARITY('cluster')),
    ),
    subcommands: SUBCOMMANDS,
  },
  {
    ...subcommand(
      'asking',
      1,
      '3.0.0',
      FAST,
      'Signals that a cluster client is following an -ASK redirect.',
      (call) => {
        if (clusterOf(call) === null) return;
        call.client.asking = true;
        call.reply.ok();
      },
    ),
  },
  {
    ...subcommand(
      'readonly',
      1,
      '3.0.0',
      FAST | LOADING | STALE,
      'Enables read-only queries for a connection to a Valkey replica node.',
      (call) => {
        call.client.readOnly = true;
        call.reply.ok();
      },
    ),
  },
  {
    ...subcommand(
      'readwrite',
      1,
      '3.0.0',
      FAST | LOADING | STALE,
      'Enables read-write queries for a connection to a Valkey replica node.',
      (call) => {
        call.client.readOnly = false;
        call.reply.ok();
      },
    ),
  },
];
