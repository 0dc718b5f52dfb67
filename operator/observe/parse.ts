/**
 * Parsers of what a node answers: CLUSTER NODES, INFO, CLUSTER INFO and CLUSTER GETSLOTMIGRATIONS. Pure functions over text.
 * They take what Valkey 9 writes, and stay silent about fields they do not need.
 */
import type { Address, Migration, RawMigration, SlotRange, TableEntry } from '../model/index.ts';
import { parseRange } from '../model/index.ts';

/** A reply that does not say what it must. */
export class UnreadableReply extends Error {
  override readonly name = 'UnreadableReply';
}

/** The `name:value` lines of INFO and CLUSTER INFO. */
export function parseInfo(info: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

export function numberOf(fields: ReadonlyMap<string, string>, name: string, otherwise: number): number {
  const value = Number(fields.get(name) ?? Number.NaN);
  return Number.isFinite(value) ? value : otherwise;
}

/** Keys over all databases, from lines such as `db0:keys=12,expires=0,avg_ttl=0`. */
export function countKeys(fields: ReadonlyMap<string, string>): number {
  let keys = 0;
  for (const [name, value] of fields) {
    const match = /^db\d+$/.test(name) ? /keys=(\d+)/.exec(value) : null;
    if (match !== null) keys += Number(match[1]);
  }
  return keys;
}

/** `<id> <ip:port@busport[,hostname]> <flags> <primary|-> <ping> <pong> <epoch> <link> <slots…>`, a line a node. */
export function parseClusterNodes(nodes: string): TableEntry[] {
  return nodes
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map(parseNodeLine);
}

function parseNodeLine(line: string): TableEntry {
  const [nodeId, address, flagList, primary, , , epoch, link, ...slots] = line.split(' ');
  if (nodeId === undefined || address === undefined || flagList === undefined || link === undefined)
    throw new UnreadableReply(`CLUSTER NODES: not a node's line: ${line.slice(0, 120)}`);
  const flags = new Set(flagList.split(','));
  return {
    nodeId,
    address: parseAddress(address),
    role: flags.has('slave') || flags.has('replica') ? 'replica' : 'primary',
    primaryId: primary === '-' || primary === undefined ? null : primary,
    myself: flags.has('myself'),
    suspected: flags.has('fail?'),
    failed: flags.has('fail'),
    handshake: flags.has('handshake'),
    noAddress: flags.has('noaddr'),
    linkConnected: link === 'connected',
    configEpoch: Number(epoch),
    // A slot in brackets is being moved one by one, by hand: it still belongs to its owner.
    slots: slots.map(parseRange).filter((range) => range !== undefined),
  };
}

/** `ip:port@busport`, an IPv6 address with colons of its own, or `:0@0` for a node whose address was lost. */
function parseAddress(written: string): Address {
  const match = /^(.*):(\d+)@(\d+)/.exec(written);
  if (match === null) throw new UnreadableReply(`CLUSTER NODES: not an address: ${written.slice(0, 80)}`);
  return { host: match[1]!, port: Number(match[2]), busPort: Number(match[3]) };
}

const OUTCOMES: Readonly<Record<string, Migration['outcome']>> = {
  success: 'success',
  failed: 'failed',
  cancelled: 'cancelled',
  canceled: 'cancelled',
};

export function parseMigrations(migrations: readonly RawMigration[]): Migration[] {
  return migrations.map((raw) => ({
    name: String(raw.name),
    operation: String(raw.operation).toLowerCase() === 'import' ? 'import' : 'export',
    sourceId: String(raw.source_node),
    targetId: String(raw.target_node),
    ranges: parseRanges(String(raw.slot_ranges)),
    state: String(raw.state),
    outcome: OUTCOMES[String(raw.state)] ?? 'running',
    message: String(raw.message ?? ''),
    createdAtMs: Number(raw.create_time ?? 0) * 1000,
    updatedAtMs: Number(raw.last_update_time ?? 0) * 1000,
  }));
}

function parseRanges(written: string): SlotRange[] {
  return written
    .split(/[ ,]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const range = parseRange(part);
      if (range === undefined) throw new UnreadableReply(`CLUSTER GETSLOTMIGRATIONS: not a range of slots: ${part}`);
      return range;
    });
}
