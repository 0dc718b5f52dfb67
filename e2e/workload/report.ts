/** What a run found, the verdict on it, and both as text for a person. */

export interface Report {
  readonly startedAt: string;
  readonly seconds: number;
  readonly ratePerSecond: number;
  readonly keys: number;
  /** What WAIT was asked for; 0 when writes were not confirmed. */
  readonly waitReplicas: number;
  /** Writes that were due. */
  readonly intended: number;
  readonly acknowledged: number;
  readonly confirmed: number;
  /** Times a value was seen that is older than the last acknowledged. */
  readonly lost: number;
  /** Those among `lost` that are older than the last confirmed, too. */
  readonly lostConfirmed: number;
  readonly wrong: number;
  readonly errors: {
    readonly refused: number;
    readonly indeterminate: number;
    readonly unsent: number;
    /** Keys that could not be read back at the end: nothing is known of their last writes. */
    readonly unread: number;
  };
  readonly shards: readonly ShardReport[];
  /** From when a write was due to its acknowledgement; writes without one are not in it. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  readonly errorReasons: readonly { readonly reason: string; readonly times: number }[];
  /** The first of the losses and wrong values, one by one. */
  readonly findings: readonly Finding[];
}

/** A shard as it was at the start: its keys are followed wherever their slots go. */
export interface ShardReport {
  readonly shard: number;
  readonly primaryAtStart: string;
  readonly slotsAtStart: string;
  readonly keys: number;
  readonly intended: number;
  readonly acknowledged: number;
  /** The longest time without any acknowledged write while writes were due, from the start to the last due write. */
  readonly longestGapMs: number;
  readonly longestGapAtSeconds: number;
}

export interface Finding {
  readonly verdict: 'lost' | 'lost-confirmed' | 'wrong';
  readonly key: string;
  readonly slot: number;
  readonly shard: number;
  readonly seen: string | null;
  readonly acknowledged: number;
  readonly confirmed: number;
  readonly by: 'overwrite' | 'read-back';
  readonly atSeconds: number;
}

export type LostCounts = 'acknowledged' | 'confirmed';

/** Everything that makes the run a failure; empty when there is nothing. */
export function failures(report: Report, lostCounts: LostCounts, leastPercent: number): string[] {
  const found: string[] = [];
  const lost = lostCounts === 'confirmed' ? report.lostConfirmed : report.lost;
  if (lost > 0) found.push(`${lost} ${lostCounts} writes were lost`);
  if (report.wrong > 0) found.push(`${report.wrong} values were wrong`);
  if (report.errors.unread > 0) found.push(`${report.errors.unread} keys could not be read back`);
  if (report.acknowledged < (report.intended * leastPercent) / 100) {
    found.push(
      `${report.acknowledged} of ${report.intended} intended writes were acknowledged, below ${leastPercent}%`,
    );
  }
  if (report.intended === 0) found.push('no write was due');
  return found;
}

export function asText(report: Report, found: readonly string[]): string {
  const { errors, latencyMs } = report;
  const lines = [
    `intended      ${report.intended} writes to ${report.keys} keys in ${report.seconds} s at ${report.ratePerSecond}/s`,
    `acknowledged  ${report.acknowledged}`,
    report.waitReplicas > 0
      ? `confirmed     ${report.confirmed} by WAIT ${report.waitReplicas}`
      : 'confirmed     - (without --wait)',
    `lost          ${report.lost}${report.waitReplicas > 0 ? ` acknowledged, ${report.lostConfirmed} confirmed` : ''}`,
    `wrong         ${report.wrong}`,
    `errors        ${errors.refused} refused, ${errors.indeterminate} indeterminate, ${errors.unsent} unsent, ${errors.unread} unread`,
    `latency       p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms, p99.9 ${latencyMs.p999} ms, longest ${latencyMs.max} ms`,
    'longest gap per shard (a shard is the keys of the slots it owned at the start, whoever owned them later)',
  ];
  for (const shard of report.shards) {
    lines.push(
      `  shard ${shard.shard}  ${shard.longestGapMs} ms at ${shard.longestGapAtSeconds} s  ${shard.acknowledged}/${shard.intended} writes, slots ${shard.slotsAtStart} of ${shard.primaryAtStart}`,
    );
  }
  for (const { reason, times } of report.errorReasons) lines.push(`  ${times} × ${reason}`);
  for (const finding of report.findings) {
    lines.push(
      `  ${finding.verdict} at ${finding.atSeconds.toFixed(2)} s by ${finding.by}: ${finding.key} (slot ${finding.slot}, shard ${finding.shard}) held ${finding.seen ?? 'nothing'}, acknowledged ${finding.acknowledged}, confirmed ${finding.confirmed}`,
    );
  }
  lines.push(found.length === 0 ? 'passed' : `failed: ${found.join('; ')}`);
  return `${lines.join('\n')}\n`;
}
