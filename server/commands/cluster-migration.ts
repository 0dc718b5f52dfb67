/**
 * Atomic slot migration: MIGRATESLOTS, GETSLOTMIGRATIONS, CANCELSLOTMIGRATIONS for operators, SYNCSLOTS between nodes.
 * The migrations themselves are in server/cluster/migration. Replies and error texts are Valkey 9.1's.
 */
import { NAME_LENGTH } from '../cluster/limits.ts';
import { describeRanges, type Job } from '../cluster/migration/job.ts';
import type { MigrationOrder } from '../cluster/migration/migrations.ts';
import type { SourceLink } from '../cluster/migration/ports.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { type Client, IMPORT_CLIENT, STREAM_CLIENT } from './client.ts';
import type { Clients } from './clients.ts';
import { type ClusterRoom, clusterOf } from './cluster-room.ts';
import { type OwnedRanges, parseOwnedRanges } from './cluster-slots.ts';
import { replyFields } from './cluster-views.ts';
import { ADMIN, type Command, MAY_REPLICATE, NO_ASYNC_LOADING, NO_KEYS, STALE } from './command.ts';

/** A client that sends this node slots. */
class ClientSource implements SourceLink {
  private readonly clients: Clients;
  private readonly client: Client;

  constructor(clients: Clients, client: Client) {
    this.clients = clients;
    this.client = client;
  }

  send(bytes: Uint8Array): void {
    this.clients.writeTo(this.client, (reply) => reply.raw(bytes, 0, bytes.length));
  }

  get lastInteractionMs(): number {
    return this.client.lastInteractionMs;
  }

  get failedCommands(): number {
    return this.client.streamErrors;
  }

  close(): void {
    this.client.link = null;
    this.clients.kill(this.client, 'slot migration ended');
  }
}

/** Told by Clients that a client has gone: its import ends. The composition root registers it with `clients.onGone`. */
export function onClientGone(room: ClusterRoom, client: Client, nowMs: number): void {
  const { link } = client;
  if (link instanceof ClientSource) room.cluster.run(nowMs, () => room.migrations.onSourceGone(link));
}

function migrateSlots(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const { cluster, migrations } = room;
  const refusal = migrations.refusal();
  if (refusal !== null) return call.fail(refusal);
  const orders: MigrationOrder[] = [];
  for (let index = 2; index < call.count; ) {
    if (!call.is(index, 'SLOTSRANGE')) return call.fail(ERR_SYNTAX);
    const parsed = parseOwnedRanges(call, cluster.state, index + 1);
    if (parsed === null) return;
    if (!parsed.owner.isMyself) return call.fail('ERR Slots are not served by this node.');
    if (parsed.next + 1 >= call.count || !call.is(parsed.next, 'NODE')) return call.fail(ERR_SYNTAX);
    const target = call.text(parsed.next + 1);
    if (call.length(parsed.next + 1) !== NAME_LENGTH) return call.fail(`ERR Invalid node name: ${target}`);
    const order = { ranges: parsed.ranges, target };
    const problem = migrations.checkOrder(order, orders);
    if (problem !== null) return call.fail(problem);
    orders.push(order);
    index = parsed.next + 2;
  }
  cluster.run(call.nowMs, () => migrations.start(orders));
  call.reply.ok();
}

function getSlotMigrations(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const jobs = room.migrations.list();
  call.reply.array(jobs.length);
  for (const job of jobs) replyFields(call, fieldsOf(room, job));
}

function fieldsOf(room: ClusterRoom, job: Job): [string, string | number][] {
  const tracked = job.operation === 'IMPORT' && job.trackingOnly;
  return [
    ['name', job.name],
    ['operation', job.operation],
    ['slot_ranges', describeRanges(job.ranges)],
    ...(tracked
      ? []
      : ([
          ['target_node', job.target],
          ['source_node', job.source],
        ] as [string, string][])),
    ['create_time', Math.floor(job.createdMs / 1000)],
    ['last_update_time', Math.floor(job.updatedMs / 1000)],
    ['last_ack_time', Math.floor(job.ackedMs / 1000)],
    ['state', job.state],
    ['message', job.message],
    // No process is forked for a snapshot, so no memory is copied.
    ['cow_size', 0],
    ['remaining_repl_size', room.migrations.remainingBytes(job)],
  ];
}

function cancelSlotMigrations(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const problem = room.cluster.run(call.nowMs, () => room.migrations.cancel());
  if (problem === null) call.reply.ok();
  else call.fail(problem);
}

const MESSAGES = ['SNAPSHOT-EOF', 'REQUEST-PAUSE', 'PAUSED', 'REQUEST-FAILOVER', 'FAILOVER-GRANTED', 'ACK'] as const;

function syncSlots(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  if (call.is(2, 'ESTABLISH')) return establish(call, room);
  if (call.is(2, 'FINISH')) return finish(call, room);
  // The rest is between the two primaries; on their replicas it changes nothing.
  if (call.client.kind === STREAM_CLIENT) return;
  if (call.is(2, 'CAPA')) return;
  const message = MESSAGES.find((word) => call.is(2, word));
  const { link } = call.client;
  const job = link instanceof ClientSource ? room.migrations.importOf(link) : null;
  if (job === null) {
    if (message === undefined) call.fail(ERR_SYNTAX);
    else call.fail(`ERR CLUSTER SYNCSLOTS ${message} should only be used by slot migration clients`);
    return;
  }
  // Its first message comes before any data: nothing is answered from here on.
  call.client.output.muted = true;
  room.cluster.run(call.nowMs, () => room.migrations.onSourceMessage(job, message ?? call.text(2)));
}

interface EstablishRequest {
  source: string;
  name: string;
  slots: OwnedRanges | null;
}

/** In any order; null after the error was answered. */
function parseEstablish(call: Call, room: ClusterRoom): EstablishRequest | null {
  const request: EstablishRequest = { source: '', name: '', slots: null };
  const syntaxError = (): null => {
    call.fail(ERR_SYNTAX);
    return null;
  };
  for (let index = 3; index < call.count; ) {
    const isName = index + 1 < call.count && call.length(index + 1) === NAME_LENGTH;
    if (call.is(index, 'SOURCE') && request.source === '' && isName) {
      request.source = call.text(index + 1);
      index += 2;
    } else if (call.is(index, 'NAME') && request.name === '' && isName) {
      request.name = call.text(index + 1);
      index += 2;
    } else if (call.is(index, 'SLOTSRANGE') && request.slots === null) {
      request.slots = parseOwnedRanges(call, room.cluster.state, index + 1);
      if (request.slots === null) return null;
      index = request.slots.next;
    } else return syntaxError();
  }
  return request.name === '' || request.slots === null ? syntaxError() : request;
}

function establish(call: Call, room: ClusterRoom): void {
  const { migrations, cluster } = room;
  const tracking = call.client.kind === STREAM_CLIENT;
  const refusal = tracking ? null : migrations.refusal();
  if (refusal !== null) return call.fail(refusal);
  const request = parseEstablish(call, room);
  if (request === null) return;
  const { ranges, owner } = request.slots!;
  if (tracking) {
    cluster.run(call.nowMs, () => migrations.track(request.name, ranges));
    return call.reply.ok();
  }
  if (request.source === '') return call.fail(ERR_SYNTAX);
  const establishment = { source: request.source, job: request.name, ranges };
  const problem = migrations.checkEstablishment(establishment, owner.name);
  if (problem !== null) return call.fail(problem);
  const link = new ClientSource(call.rooms.clients, call.client);
  call.client.link = link;
  call.client.kind = IMPORT_CLIENT;
  call.rooms.clients.applyLimit(call.client);
  cluster.run(call.nowMs, () => migrations.establish(establishment, link));
  call.reply.ok();
}

/** The end of an import on this node's primary, or as the append-only file tells it. */
function finish(call: Call, room: ClusterRoom): void {
  const given = new Map<string, string>();
  for (let index = 3; index < call.count; index += 2) {
    const key = call.text(index).toLowerCase();
    if (!['state', 'name', 'message'].includes(key) || given.has(key) || index + 1 >= call.count)
      return call.fail(ERR_SYNTAX);
    given.set(key, call.text(index + 1));
  }
  const name = given.get('name') ?? '';
  const state = (given.get('state') ?? '').toLowerCase();
  if (name.length !== NAME_LENGTH || (state !== 'success' && state !== 'failed')) return call.fail(ERR_SYNTAX);
  const problem = room.cluster.run(call.nowMs, () =>
    room.migrations.finishTracked(name, state === 'success', given.get('message') ?? ''),
  );
  if (problem === null) call.reply.ok();
  else call.fail(problem);
}

function subcommand(name: string, arity: number, flags: number, summary: string, run: (call: Call) => void): Command {
  return { name, arity, flags, summary, run, since: '9.0.0', group: 'cluster', keys: NO_KEYS };
}

const CHANGE = NO_ASYNC_LOADING | ADMIN | STALE;

export const clusterMigrationCommands: readonly Command[] = [
  subcommand(
    'cancelslotmigrations',
    2,
    CHANGE,
    'Cancel all current ongoing slot migration operations.',
    cancelSlotMigrations,
  ),
  subcommand(
    'getslotmigrations',
    2,
    CHANGE,
    'Gets the status of ongoing and recently finished slot import and export operations.',
    getSlotMigrations,
  ),
  subcommand(
    'migrateslots',
    -4,
    CHANGE,
    'Migrate the given slots from this node to the specified nodes.',
    migrateSlots,
  ),
  subcommand('syncslots', -3, CHANGE | MAY_REPLICATE, 'A container for internal slot migration commands.', syncSlots),
];
