/** CLUSTER SLOT-STATS: keys and costs of this node's slots. Source: Valkey 9.1 cluster_slot_stats.c. */
import { MYSELF_INDEX } from '../cluster/slot-map.ts';
import { SLOT_COUNT } from '../keyspace/slot.ts';
import type { Call } from './call.ts';
import { clusterOf } from './cluster-room.ts';

const ERR_SLOT = 'ERR Invalid or out of range slot';
const ERR_LIMIT = 'ERR Limit has to lie in between 1 and 16384 (maximum number of slots).';

type Metric = (call: Call, slot: number) => number;

const keyCount: Metric = (call, slot) => {
  let keys = 0;
  for (const database of call.keyspace.databases) keys += database.countInSlot(slot);
  return keys;
};

/** In the order in which they are told; those after the first are kept with cluster-slot-stats-enabled. */
const METRICS: readonly (readonly [name: string, value: Metric])[] = [
  ['key-count', keyCount],
  ['cpu-usec', (call, slot) => Math.round(call.rooms.accounting.slots?.micros[slot] ?? 0)],
  ['network-bytes-in', (call, slot) => call.rooms.accounting.slots?.inputBytes[slot] ?? 0],
  ['network-bytes-out', (call, slot) => call.rooms.accounting.slots?.outputBytes[slot] ?? 0],
];

export function slotStats(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const { slots } = room.cluster.state;
  const isOwn = (slot: number): boolean => slots.ownerOf(slot) === MYSELF_INDEX;
  if (call.is(2, 'SLOTSRANGE')) slotsRange(call, isOwn);
  else if (call.is(2, 'ORDERBY')) orderBy(call, isOwn);
  else call.failSubcommand();
}

function slotsRange(call: Call, isOwn: (slot: number) => boolean): void {
  if (call.count !== 5) {
    call.failSubcommand();
    return;
  }
  const first = call.integer(3, ERR_SLOT);
  const last = call.failed ? 0 : call.integer(4, ERR_SLOT);
  if (call.failed) return;
  if (first < 0 || first >= SLOT_COUNT || last < 0 || last >= SLOT_COUNT) {
    call.fail(ERR_SLOT);
    return;
  }
  if (first > last) {
    call.fail(`ERR Start slot number ${first} is greater than end slot number ${last}`);
    return;
  }
  const own: number[] = [];
  for (let slot = first; slot <= last; slot++) if (isOwn(slot)) own.push(slot);
  replySlots(call, own);
}

function orderBy(call: Call, isOwn: (slot: number) => boolean): void {
  if (call.count < 4) {
    call.failSubcommand();
    return;
  }
  const name = call.text(3).toLowerCase();
  const metric = METRICS.find(([known]) => known === name)?.[1];
  if (metric === undefined || (metric !== keyCount && call.rooms.accounting.slots === null)) {
    call.fail('ERR Unrecognized sort metric for ORDERBY.');
    return;
  }
  let limit = SLOT_COUNT;
  let descending = true;
  for (let i = 4; i < call.count; i++) {
    if (call.is(i, 'LIMIT') && i + 1 < call.count) {
      limit = call.integer(++i, ERR_LIMIT);
      if (call.failed) return;
      if (limit < 1 || limit > SLOT_COUNT) {
        call.fail(ERR_LIMIT);
        return;
      }
    } else if (call.is(i, 'ASC')) descending = false;
    else if (call.is(i, 'DESC')) descending = true;
    else {
      call.fail('ERR syntax error');
      return;
    }
  }
  const own: { readonly slot: number; readonly value: number }[] = [];
  for (let slot = 0; slot < SLOT_COUNT; slot++) if (isOwn(slot)) own.push({ slot, value: metric(call, slot) });
  own.sort((a, b) => (descending ? b.value - a.value : a.value - b.value) || a.slot - b.slot);
  replySlots(
    call,
    own.slice(0, limit).map(({ slot }) => slot),
  );
}

function replySlots(call: Call, own: readonly number[]): void {
  const metrics = call.rooms.accounting.slots === null ? METRICS.slice(0, 1) : METRICS;
  const { reply } = call;
  reply.array(own.length);
  for (const slot of own) {
    reply.array(2);
    reply.integer(slot);
    reply.map(metrics.length);
    for (const [name, value] of metrics) {
      reply.bulkText(name);
      reply.integer(value(call, slot));
    }
  }
}
