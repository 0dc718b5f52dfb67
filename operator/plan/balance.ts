/**
 * How many slots go from which shard to which. Numbers only, so that "minimal" can be tested by itself:
 * shards that leave give everything, the others end with equal counts (but for one), and no slot moves twice.
 */
export interface Holding {
  readonly shard: number;
  /** Slots held, those on their way to it included and those on their way from it excluded. */
  readonly slots: number;
  readonly staying: boolean;
}

export interface Transfer {
  readonly source: number;
  readonly target: number;
  readonly slots: number;
}

/** The fewest transfers of slots that balance the shards. Deterministic: ties go to the lower index. */
export function transfers(holdings: readonly Holding[]): Transfer[] {
  const quotas = quotasOf(holdings);
  const surpluses = holdings
    .map(({ shard, slots }) => ({ shard, slots: Math.max(0, slots - (quotas.get(shard) ?? 0)) }))
    .filter(({ slots }) => slots > 0);
  const deficits = holdings
    .map(({ shard, slots }) => ({ shard, slots: Math.max(0, (quotas.get(shard) ?? 0) - slots) }))
    .filter(({ slots }) => slots > 0);
  const result: Transfer[] = [];
  for (const surplus of surpluses) {
    while (surplus.slots > 0) {
      // The neediest target first: sources that work at the same time then spread over the targets.
      const neediest = deficits.reduce<{ shard: number; slots: number } | null>(
        (best, deficit) => (deficit.slots > (best?.slots ?? 0) ? deficit : best),
        null,
      );
      if (neediest === null) break;
      const slots = Math.min(surplus.slots, neediest.slots);
      result.push({ source: surplus.shard, target: neediest.shard, slots });
      surplus.slots -= slots;
      neediest.slots -= slots;
    }
  }
  return result;
}

/** What each staying shard ends with. The shards that have most already get the odd slots: so fewest move. */
function quotasOf(holdings: readonly Holding[]): Map<number, number> {
  const staying = holdings.filter((holding) => holding.staying);
  const total = holdings.reduce((sum, holding) => sum + holding.slots, 0);
  const each = Math.floor(total / staying.length);
  const odd = total - each * staying.length;
  const byWealth = [...staying].sort((a, b) => b.slots - a.slots || a.shard - b.shard);
  return new Map(byWealth.map(({ shard }, rank) => [shard, each + (rank < odd ? 1 : 0)]));
}
