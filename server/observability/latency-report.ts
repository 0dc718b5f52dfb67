/** LATENCY GRAPH and LATENCY DOCTOR as texts. Source of the form: Valkey 9.1 latency.c. */
import type { LatencyEvent, LatencyMonitor } from './latency-monitor.ts';

const GRAPH_COLUMNS = 80;
const GRAPH_ROWS = 4;
/** From the emptiest mark to the fullest, within one row. */
const MARKS = '_-`';

/** The samples as columns, the newest at the right, each with its age below. */
export function latencyGraph(event: LatencyEvent, nowMs: number): string {
  const samples = event.samples.slice(-GRAPH_COLUMNS);
  const values = samples.map((sample) => sample.milliseconds);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const title = `${event.name} - high ${high} ms, low ${low} ms (all time high ${event.maximumMs} ms)`;
  const steps = GRAPH_ROWS * MARKS.length;
  const heights = values.map((value) =>
    high === low ? 0 : Math.min(steps - 1, Math.floor(((value - low) / (high - low)) * steps)),
  );
  const rows = Array.from({ length: GRAPH_ROWS }, (_, row) => {
    const floor = (GRAPH_ROWS - 1 - row) * MARKS.length;
    return heights
      .map((height) =>
        height < floor ? ' ' : height >= floor + MARKS.length ? '|' : (MARKS[Math.max(0, height - floor)] ?? ' '),
      )
      .join('');
  });
  const ages = samples.map((sample) => age(Math.max(0, Math.floor(nowMs / 1000) - sample.atSeconds)));
  const depth = Math.max(...ages.map((text) => text.length));
  const labels = Array.from({ length: depth }, (_, line) => ages.map((text) => text[line] ?? ' ').join(''));
  return [title, '-'.repeat(GRAPH_COLUMNS), ...rows, '', ...labels].map((line) => `${line.trimEnd()}\n`).join('');
}

function age(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

/** What an event means and what to do about it. */
const ADVICE: Readonly<Record<string, string>> = {
  command: 'Check your Command Log to understand what are the commands you are running which are too slow to execute.',
  'fast-command':
    'The system is slow to execute commands that touch little: the machine is overloaded, swaps, or another event held the thread.',
  'expire-cycle': 'Many keys expire at the same time: spread their times to live.',
  'eviction-cycle': 'Writes need much memory at once while maxmemory is reached: raise maxmemory or add shards.',
};

export function latencyDoctor(monitor: LatencyMonitor, nowMs: number): string {
  if (monitor.thresholdMs === 0) {
    return `I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Valkey instance. You may use "CONFIG SET latency-monitor-threshold <milliseconds>." in order to enable it.\n`;
  }
  const events = monitor.all();
  if (events.length === 0) {
    return 'Dave, no latency spike was observed during the lifetime of this Valkey instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n';
  }
  const lines = ['Dave, I have observed latency spikes in this Valkey instance. You are welcome to take a look:', ''];
  for (const [index, event] of events.entries()) {
    lines.push(`${index + 1}. ${describe(event, nowMs)}`);
  }
  lines.push('', 'I have a few advices for you:', '');
  for (const event of events) lines.push(`- ${ADVICE[event.name] ?? `Look at what the node does in ${event.name}.`}`);
  return `${lines.join('\n')}\n`;
}

function describe({ name, samples, maximumMs }: LatencyEvent, nowMs: number): string {
  const values = samples.map((sample) => sample.milliseconds);
  const average = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = values.reduce((sum, value) => sum + Math.abs(value - average), 0) / values.length;
  const period = (Math.floor(nowMs / 1000) - samples[0]!.atSeconds) / samples.length;
  return `${name}: ${samples.length} latency spikes (average ${Math.round(average)}ms, mean deviation ${Math.round(deviation)}ms, period ${period.toFixed(2)} sec). Worst all time event ${maximumMs}ms.`;
}
