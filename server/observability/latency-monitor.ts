/**
 * Events that took longer than `latency-monitor-threshold`: the last samples of each, for LATENCY. Source: Valkey 9.1 latency.c.
 * Limits: HISTORY samples an event; the kinds of events are those of the node's own code.
 */
const HISTORY = 160;

export interface LatencySample {
  readonly atSeconds: number;
  readonly milliseconds: number;
}

export interface LatencyEvent {
  readonly name: string;
  /** Oldest first. */
  readonly samples: LatencySample[];
  maximumMs: number;
  sumMs: number;
  count: number;
}

export class LatencyMonitor {
  /** 0: nothing is kept. */
  thresholdMs = 0;
  private readonly events: Map<string, LatencyEvent> = new Map();

  /** Takes a sample when it is over the threshold. Samples of one second are one: the longest. */
  sample(name: string, milliseconds: number, nowMs: number): void {
    if (this.thresholdMs === 0 || milliseconds < this.thresholdMs) return;
    const rounded = Math.round(milliseconds);
    let event = this.events.get(name);
    if (event === undefined) {
      event = { name, samples: [], maximumMs: 0, sumMs: 0, count: 0 };
      this.events.set(name, event);
    }
    event.maximumMs = Math.max(event.maximumMs, rounded);
    event.sumMs += rounded;
    event.count++;
    const atSeconds = Math.floor(nowMs / 1000);
    const last = event.samples.at(-1);
    if (last?.atSeconds === atSeconds) {
      if (rounded > last.milliseconds) event.samples[event.samples.length - 1] = { atSeconds, milliseconds: rounded };
      return;
    }
    event.samples.push({ atSeconds, milliseconds: rounded });
    if (event.samples.length > HISTORY) event.samples.shift();
  }

  event(name: string): LatencyEvent | null {
    return this.events.get(name) ?? null;
  }

  all(): readonly LatencyEvent[] {
    return [...this.events.values()];
  }

  /** Forgets the named events, or all of them; returns how many there were. */
  reset(names: readonly string[]): number {
    if (names.length === 0) {
      const { size } = this.events;
      this.events.clear();
      return size;
    }
    return names.filter((name) => this.events.delete(name)).length;
  }
}
