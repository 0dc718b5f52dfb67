/** Metrics of the process itself, read when they are asked for. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

const NANOSECONDS_PER_SECOND = 1e9;

export class ProcessMetrics {
  readonly #metrics: Metrics;
  readonly #delay: ReturnType<typeof monitorEventLoopDelay>;
  #cpuSeconds = 0;

  constructor(metrics: Metrics, version: string) {
    this.#metrics = metrics;
    this.#delay = monitorEventLoopDelay({ resolution: 20 });
    this.#delay.enable();
    metrics.set('keyherd_build_info', 1, { version, node: process.versions.node });
    metrics.set('keyherd_process_start_time_seconds', Math.round(performance.timeOrigin) / 1000);
  }

  /** Reads the process and renders everything. */
  render(): string {
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    this.#metrics.add('keyherd_process_cpu_seconds_total', {}, cpuSeconds - this.#cpuSeconds);
    this.#cpuSeconds = cpuSeconds;
    this.#metrics.set('keyherd_process_resident_memory_bytes', process.memoryUsage.rss());
    this.#metrics.set('keyherd_process_event_loop_delay_seconds', this.#delay.percentile(99) / NANOSECONDS_PER_SECOND);
    this.#delay.reset();
    return this.#metrics.render();
  }
}
