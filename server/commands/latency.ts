/** LATENCY: what took long, and how long commands take. Source: Valkey 9.1 latency.c. */
import type { LatencyHistogram } from '../observability/latency-histogram.ts';
import { latencyDoctor, latencyGraph } from '../observability/latency-report.ts';
import type { Call } from './call.ts';
import { ADMIN, type Command, LOADING, NO_KEYS, NOSCRIPT, STALE } from './command.ts';
import type { CommandEntry } from './registry.ts';

function latest(call: Call): void {
  const events = call.rooms.accounting.latency.all();
  call.reply.array(events.length);
  for (const { name, samples, maximumMs, sumMs, count } of events) {
    const last = samples.at(-1)!;
    call.reply.array(6);
    call.reply.bulkText(name);
    call.reply.integer(last.atSeconds);
    call.reply.integer(last.milliseconds);
    call.reply.integer(maximumMs);
    call.reply.integer(sumMs);
    call.reply.integer(count);
  }
}

function history(call: Call): void {
  const samples = call.rooms.accounting.latency.event(call.text(2))?.samples ?? [];
  call.reply.array(samples.length);
  for (const { atSeconds, milliseconds } of samples) {
    call.reply.array(2);
    call.reply.integer(atSeconds);
    call.reply.integer(milliseconds);
  }
}

function graph(call: Call): void {
  const event = call.rooms.accounting.latency.event(call.text(2));
  if (event === null) call.fail(`ERR No samples available for event '${call.text(2)}'`);
  else call.reply.verbatim(latencyGraph(event, call.nowMs));
}

function reset(call: Call): void {
  const names: string[] = [];
  for (let i = 2; i < call.count; i++) names.push(call.text(i));
  call.reply.integer(call.rooms.accounting.latency.reset(names));
}

/** The named commands with their subcommands, or all; those that were called. */
function histogram(call: Call): void {
  const { registry, accounting } = call.rooms;
  const wanted: CommandEntry[] = [];
  if (call.count === 2) wanted.push(...registry.entries);
  for (let i = 2; i < call.count; i++) {
    const entry = registry.named(call.text(i));
    if (entry !== null) wanted.push(entry);
  }
  const found = wanted
    .flatMap((entry) => [entry, ...entry.subcommands])
    .flatMap((entry): [CommandEntry, LatencyHistogram][] => {
      const times = accounting.histogram(entry.id);
      return times === null ? [] : [[entry, times]];
    });
  call.reply.map(found.length);
  for (const [entry, times] of found) {
    call.reply.bulkText(entry.fullName);
    call.reply.map(2);
    call.reply.bulkText('calls');
    call.reply.integer(times.calls);
    call.reply.bulkText('histogram_usec');
    const pairs = times.distribution();
    call.reply.map(pairs.length);
    for (const [boundMicros, calls] of pairs) {
      call.reply.integer(boundMicros);
      call.reply.integer(calls);
    }
  }
}

const ROW = { group: 'server', keys: NO_KEYS, since: '2.8.13', flags: ADMIN | NOSCRIPT | LOADING | STALE } as const;

export const latencyCommands: readonly Command[] = [
  {
    ...ROW,
    name: 'latency',
    arity: -2,
    flags: 0,
    summary: 'A container for latency diagnostics commands.',
    run: (call) => call.fail("ERR wrong number of arguments for 'latency' command"),
    subcommands: [
      {
        ...ROW,
        name: 'doctor',
        arity: 2,
        summary: 'Returns a human-readable latency analysis report.',
        run: (call) => call.reply.verbatim(latencyDoctor(call.rooms.accounting.latency, call.nowMs)),
      },
      { ...ROW, name: 'graph', arity: 3, summary: 'Returns a latency graph for an event.', run: graph },
      {
        ...ROW,
        name: 'histogram',
        arity: -2,
        since: '7.0.0',
        summary: 'Returns the cumulative distribution of latencies of a subset or all commands.',
        run: histogram,
      },
      {
        ...ROW,
        name: 'history',
        arity: 3,
        summary: 'Returns timestamp-latency samples for an event.',
        run: history,
      },
      {
        ...ROW,
        name: 'latest',
        arity: 2,
        summary: 'Returns the latest latency samples for all events.',
        run: latest,
      },
      { ...ROW, name: 'reset', arity: -2, summary: 'Resets the latency data for one or more events.', run: reset },
      {
        ...ROW,
        name: 'help',
        arity: 2,
        flags: LOADING | STALE,
        summary: 'Returns helpful text about the different subcommands.',
        run: (call) =>
          call.help([
            'DOCTOR',
            '    Return a human readable latency analysis report.',
            'GRAPH <event>',
            '    Return an ASCII latency graph for the <event> class.',
            'HISTORY <event>',
            '    Return time-latency samples for the <event> class.',
            'LATEST',
            '    Return the latest latency samples for all events.',
            'RESET [<event> ...]',
            '    Reset latency data of one or more <event> classes.',
            '    (default: reset all data for all event classes)',
            'HISTOGRAM [COMMAND ...]',
            '    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
            '    If no commands are specified then all histograms are replied.',
          ]),
      },
    ],
  },
];
