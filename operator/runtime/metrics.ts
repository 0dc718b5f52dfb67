/**
 * The operator's metrics: one table of what is measured, and a small registry that renders it as Prometheus text.
 * Updating one is a map look-up; nothing is kept per event. Series of a cluster are dropped when the cluster goes.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram';

interface MetricRow {
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, rising. */
  readonly buckets?: readonly number[];
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export const METRICS = {
  keyherd_build_info: { type: 'gauge', help: 'Always 1; the version is a label.', labels: ['version', 'node'] },
  keyherd_leader: { type: 'gauge', help: '1 while this operator holds the Lease.', labels: [] },
  keyherd_reconciles_total: { type: 'counter', help: 'Reconciliations by outcome.', labels: ['result'] },
  keyherd_reconcile_duration_seconds: {
    type: 'histogram',
    help: 'Time of one reconciliation.',
    labels: [],
    buckets: SECONDS,
  },
  keyherd_steps_total: { type: 'counter', help: 'Steps planned and begun, by kind.', labels: ['step'] },
  keyherd_api_requests_total: {
    type: 'counter',
    help: 'Requests to the API server; status 0 is no answer.',
    labels: ['verb', 'resource', 'status'],
  },
  keyherd_watch_restarts_total: {
    type: 'counter',
    help: 'Lists or watches begun again after a failure.',
    labels: ['resource'],
  },
  keyherd_events_dropped_total: {
    type: 'counter',
    help: 'Events not written, because too many came at once or the API server refused.',
    labels: [],
  },
  keyherd_cluster_state: {
    type: 'gauge',
    help: '1 for the state that the cluster is in.',
    labels: ['namespace', 'name', 'state'],
  },
  keyherd_cluster_shards: { type: 'gauge', help: 'Shards that exist.', labels: ['namespace', 'name'] },
  keyherd_cluster_ready_shards: { type: 'gauge', help: 'Shards that are healthy.', labels: ['namespace', 'name'] },
  keyherd_cluster_slots_assigned: {
    type: 'gauge',
    help: 'Slots with an owner; 16384 when the cluster is whole.',
    labels: ['namespace', 'name'],
  },
  keyherd_cluster_migration_slots_remaining: {
    type: 'gauge',
    help: 'Slots that still have to move.',
    labels: ['namespace', 'name'],
  },
  keyherd_process_cpu_seconds_total: { type: 'counter', help: 'Processor time of this process.', labels: [] },
  keyherd_process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory of this process.', labels: [] },
  keyherd_process_start_time_seconds: {
    type: 'gauge',
    help: 'Start of this process, in seconds since 1970.',
    labels: [],
  },
  keyherd_process_event_loop_delay_seconds: {
    type: 'gauge',
    help: '99th percentile of the event loop delay since the last scrape.',
    labels: [],
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
export type Labels = Readonly<Record<string, string>>;

/** More series than this in one metric is a label that must not be one; further ones are not kept. */
export const MAX_SERIES_PER_METRIC = 10_000;

interface Series {
  readonly labels: Labels;
  value: number;
  /** Of a histogram: counts per bucket, the sum and the count. */
  counts?: number[];
  sum?: number;
}

export class Metrics {
  readonly #series = new Map<MetricName, Map<string, Series>>();

  add(name: MetricName, labels: Labels = {}, amount = 1): void {
    const series = this.#at(name, labels);
    if (series !== undefined) series.value += amount;
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    const series = this.#at(name, labels);
    if (series !== undefined) series.value = value;
  }

  observe(name: MetricName, value: number, labels: Labels = {}): void {
    const row: MetricRow = METRICS[name];
    const buckets = row.buckets;
    if (buckets === undefined) throw new Error(`${name} is a ${row.type}, not a histogram`);
    const series = this.#at(name, labels);
    if (series === undefined) return;
    series.counts ??= buckets.map(() => 0);
    series.sum = (series.sum ?? 0) + value;
    series.value += 1;
    const index = buckets.findIndex((bound) => value <= bound);
    if (index >= 0) series.counts[index] = (series.counts[index] ?? 0) + 1;
  }

  /** Drops the series whose labels include these, in every metric: what a cluster leaves when it is deleted. */
  forget(labels: Labels): void {
    const wanted = Object.entries(labels);
    for (const map of this.#series.values()) {
      for (const [key, series] of map) {
        if (wanted.every(([label, value]) => series.labels[label] === value)) map.delete(key);
      }
    }
  }

  render(): string {
    const lines: string[] = [];
    for (const name of Object.keys(METRICS) as MetricName[]) {
      const map = this.#series.get(name);
      if (map === undefined || map.size === 0) continue;
      const row: MetricRow = METRICS[name];
      lines.push(`# HELP ${name} ${row.help}`, `# TYPE ${name} ${row.type}`);
      for (const series of map.values()) {
        if (row.buckets === undefined) lines.push(`${name}${renderLabels(series.labels)} ${series.value}`);
        else renderHistogram(lines, name, row.buckets, series);
      }
    }
    return `${lines.join('\n')}\n`;
  }

  #at(name: MetricName, labels: Labels): Series | undefined {
    const expected: readonly string[] = METRICS[name].labels;
    const given = Object.keys(labels);
    if (given.length !== expected.length || !expected.every((label) => label in labels)) {
      throw new Error(`${name} has the labels (${expected.join(', ')}), not (${given.join(', ')})`);
    }
    let map = this.#series.get(name);
    if (map === undefined) this.#series.set(name, (map = new Map()));
    const key = expected.map((label) => labels[label]).join('\u0000');
    let series = map.get(key);
    if (series === undefined && map.size < MAX_SERIES_PER_METRIC) map.set(key, (series = { labels, value: 0 }));
    return series;
  }
}

function renderHistogram(lines: string[], name: string, buckets: readonly number[], series: Series): void {
  let cumulative = 0;
  for (const [index, bound] of buckets.entries()) {
    cumulative += series.counts?.[index] ?? 0;
    lines.push(`${name}_bucket${renderLabels({ ...series.labels, le: String(bound) })} ${cumulative}`);
  }
  lines.push(`${name}_bucket${renderLabels({ ...series.labels, le: '+Inf' })} ${series.value}`);
  lines.push(`${name}_sum${renderLabels(series.labels)} ${series.sum ?? 0}`);
  lines.push(`${name}_count${renderLabels(series.labels)} ${series.value}`);
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeValue(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
