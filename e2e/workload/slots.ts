/** Which slot a key belongs to, and the shards of a cluster as its nodes tell them: what the checker groups its keys by. */

export const SLOT_COUNT = 16384;

export interface SlotRange {
  readonly start: number;
  readonly end: number;
}

/** A primary and the slots it owns. */
export interface Shard {
  readonly nodeId: string;
  readonly host: string;
  readonly port: number;
  readonly ranges: readonly SlotRange[];
}

/** CRC16 (XMODEM) of the key, or of its hash tag, modulo the number of slots. */
export function slotOf(key: string): number {
  const bytes = Buffer.from(hashTag(key));
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % SLOT_COUNT;
}

function hashTag(key: string): string {
  const open = key.indexOf('{');
  if (open < 0) return key;
  const close = key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

/** The shards in the reply of CLUSTER SLOTS, ordered by their first slot; `asked` stands in where a node does not know its own address. */
export function shardsOf(reply: unknown, asked: string): Shard[] {
  if (!Array.isArray(reply)) throw new Error('CLUSTER SLOTS: the reply is no array');
  const byNode = new Map<string, { nodeId: string; host: string; port: number; ranges: SlotRange[] }>();
  for (const entry of reply as unknown[]) {
    if (!Array.isArray(entry) || !Array.isArray(entry[2])) throw new Error('CLUSTER SLOTS: an entry has no primary');
    const [start, end, primary] = entry as [number, number, [string | null, number, string]];
    const [host, port, nodeId] = primary;
    let shard = byNode.get(nodeId);
    if (shard === undefined) {
      shard = { nodeId, host: host === null || host === '' ? asked : host, port, ranges: [] };
      byNode.set(nodeId, shard);
    }
    shard.ranges.push({ start, end });
  }
  const shards = [...byNode.values()];
  for (const shard of shards) shard.ranges.sort((a, b) => a.start - b.start);
  return shards.sort((a, b) => (a.ranges[0]?.start ?? 0) - (b.ranges[0]?.start ?? 0));
}

export function slotTotal(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, range) => sum + range.end - range.start + 1, 0);
}

export function formatRanges(ranges: readonly SlotRange[]): string {
  return ranges.map(({ start, end }) => (start === end ? `${start}` : `${start}-${end}`)).join(',');
}
