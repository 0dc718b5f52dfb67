/**
 * What each request cost: time by command and in histograms, the command log, the latency monitor. Hot file: `end` allocates nothing
 * unless a threshold is passed.
 *
 * The clock is read once a request: a request begins when the one before it ended, or when its turn did.
 */
import type { Client } from '../commands/client.ts';
import * as flag from '../commands/command.ts';
import type { CommandEntry, CommandRegistry } from '../commands/registry.ts';
import type { Arguments } from '../protocol/arguments.ts';
import { CommandLog } from './command-log.ts';
import { ErrorCounts } from './error-counts.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { LatencyMonitor } from './latency-monitor.ts';
import { SlotCosts } from './slot-costs.ts';

export class Accounting {
  readonly commandLog: CommandLog = new CommandLog();
  readonly latency: LatencyMonitor = new LatencyMonitor();
  readonly errors: ErrorCounts = new ErrorCounts();
  /** cluster-slot-stats-enabled: costs by slot; null while they are not kept. */
  slots: SlotCosts | null = null;
  /** latency-tracking: whether histograms are kept. */
  tracksLatency = true;
  /** Requests executed. */
  commands = 0;
  /** Microseconds that they took. */
  commandMicros = 0;
  /** Microseconds by command id. */
  readonly micros: Float64Array;
  private readonly histograms: (LatencyHistogram | null)[];
  private readonly readClock: () => number;
  /** When the request that runs began, in microseconds; in an array, where a double is stored without an allocation. */
  private readonly began: Float64Array = new Float64Array(1);

  constructor(registry: CommandRegistry, readClock: () => number) {
    this.readClock = readClock;
    this.micros = new Float64Array(registry.all.length);
    this.histograms = registry.all.map(() => null);
  }

  /** Requests are about to run. Returns the time in microseconds. */
  beginTurn(): number {
    const micros = this.readClock();
    this.began[0] = micros;
    return micros;
  }

  get nowMicros(): number {
    return this.readClock();
  }

  get beganMicros(): number {
    return this.began[0]!;
  }

  /** What ran till now is nobody's: a command that blocked is counted when it runs to its end. */
  pass(): void {
    this.began[0] = this.readClock();
  }

  /**
   * A request ended that began at `beganMicros` (before those that it ran itself). A script's command is measured and logged like
   * others, but its time is part of the script's, and it came over no network. `slot`: of its keys, below 0 without.
   */
  end(
    client: Client,
    entry: CommandEntry,
    args: Arguments,
    beganMicros: number,
    replyBytes: number,
    nowMs: number,
    slot: number,
  ): void {
    const endMicros = this.readClock();
    const micros = endMicros - beganMicros;
    const isNested = client.caller !== null;
    const hidden = isNested || client.isInternal;
    this.began[0] = endMicros;
    this.micros[entry.id]! += micros;
    if (!hidden) this.commandMicros += micros;
    if (this.tracksLatency) this.histogramOf(entry.id).add(micros);
    if (slot >= 0 && this.slots !== null) {
      this.slots.add(slot, micros, hidden ? 0 : requestBytes(args), hidden ? 0 : replyBytes);
    }
    if (client.isInternal) return;
    if (this.latency.thresholdMs > 0) {
      this.latency.sample(entry.has(flag.FAST) ? 'fast-command' : 'command', micros / 1000, nowMs);
    }
    if (entry.has(flag.SKIP_COMMANDLOG)) return;
    const { slow, 'large-request': request, 'large-reply': reply } = this.commandLog.parts;
    if (slow.threshold >= 0 && micros >= slow.threshold) slow.add(Math.round(micros), client, entry, args, nowMs);
    if (reply.threshold >= 0 && replyBytes >= reply.threshold) reply.add(replyBytes, client, entry, args, nowMs);
    if (!isNested && request.threshold >= 0 && roughBytes(args) >= request.threshold) {
      const bytes = requestBytes(args);
      if (bytes >= request.threshold) request.add(bytes, client, entry, args, nowMs);
    }
  }

  private histogramOf(id: number): LatencyHistogram {
    let histogram = this.histograms[id]!;
    if (histogram === null) {
      histogram = new LatencyHistogram();
      this.histograms[id] = histogram;
    }
    return histogram;
  }

  /** Null while the command was not called, or not tracked. */
  histogram(id: number): LatencyHistogram | null {
    return this.histograms[id] ?? null;
  }

  reset(): void {
    this.commands = 0;
    this.commandMicros = 0;
    this.micros.fill(0);
    this.histograms.fill(null);
    this.errors.reset();
    if (this.slots !== null) this.slots = new SlotCosts();
  }
}

/** At least the bytes of the request: every argument has a header of less than 16. */
function roughBytes(args: Arguments): number {
  return args.ends[args.count - 1]! - args.starts[0]! + 32;
}

/** Bytes of the request as a multibulk. */
function requestBytes(args: Arguments): number {
  let bytes = String(args.count).length + 3;
  for (let i = 0; i < args.count; i++) {
    const length = args.ends[i]! - args.starts[i]!;
    bytes += length + String(length).length + 5;
  }
  return bytes;
}
