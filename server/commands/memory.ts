/** MEMORY: what keys and the node take. Source: Valkey 9.1 object.c. */
import { EXTERNAL, STRING } from '../keyspace/entry.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, LOADING, NO_KEYS, READONLY, STALE } from './command.ts';

/** Elements looked at unless SAMPLES says otherwise. */
const DEFAULT_SAMPLES = 5;

/** The entry of the key, and what it points at. */
function usage(types: Types, call: Call): void {
  let samples = DEFAULT_SAMPLES;
  for (let i = 3; i < call.count; i += 2) {
    if (!call.is(i, 'SAMPLES') || i + 1 >= call.count) {
      call.fail(ERR_SYNTAX);
      return;
    }
    samples = call.integer(i + 1);
    if (call.failed) return;
    if (samples < 0) {
      call.fail(ERR_SYNTAX);
      return;
    }
  }
  const { database } = call;
  const entry = database.findWithoutAccess(call.bytes, call.starts[2]!, call.ends[2]!);
  if (entry === NONE) {
    call.reply.nil();
    return;
  }
  const { arena } = call.keyspace;
  const { view } = database;
  let bytes = arena.capacity(entry);
  if (view.type !== STRING) bytes += types.memoryUsage.of(view.type, view.encoding, view.root(), samples);
  else if (view.encoding === EXTERNAL) bytes += arena.capacity(view.root());
  call.reply.integer(bytes);
}

/** Numbers of bytes unless the name says otherwise, in Valkey's names. */
function stats(call: Call): void {
  const { rooms, keyspace } = call;
  const { arena } = keyspace;
  const used = rooms.usedMemoryBytes();
  const keys = keyspace.keyCount();
  const peak = Math.max(used, rooms.memoryMarks.peakBytes);
  const dataset = Math.max(0, used - rooms.memoryMarks.startBytes);
  const facts = rooms.host.process();
  const fields: readonly (readonly [string, number])[] = [
    ['peak.allocated', peak],
    ['total.allocated', used],
    ['startup.allocated', rooms.memoryMarks.startBytes],
    ['clients.normal', rooms.clientBytes()],
    ['overhead.total', used - arena.usedBytes],
    ['keys.count', keys],
    ['keys.bytes-per-key', keys === 0 ? 0 : Math.floor(dataset / keys)],
    ['dataset.bytes', dataset],
    ['allocator.allocated', arena.usedBytes],
    ['allocator.active', arena.pageBytes],
    ['allocator.resident', arena.segmentBytes],
    ['heap.bytes', facts.heapBytes],
    ['resident.bytes', facts.residentBytes],
  ];
  const ratios: readonly (readonly [string, number])[] = [
    ['dataset.percentage', used === 0 ? 0 : (dataset / used) * 100],
    ['peak.percentage', peak === 0 ? 100 : (used / peak) * 100],
    ['allocator-fragmentation.ratio', arena.pageBytes / Math.max(1, arena.usedBytes)],
    ['fragmentation', facts.residentBytes / Math.max(1, used)],
  ];
  call.reply.map(fields.length + ratios.length);
  for (const [name, value] of fields) {
    call.reply.bulkText(name);
    call.reply.integer(value);
  }
  for (const [name, value] of ratios) {
    call.reply.bulkText(name);
    call.reply.double(value);
  }
}

/** A smaller dataset says nothing about a node's memory. */
const MIN_JUDGED_BYTES = 5 * 1024 * 1024;
const MAX_PEAK_RATIO = 1.5;
const MAX_FRAGMENTATION = 1.4;
const MAX_CLIENT_BYTES = 200 * 1024;

function doctor(call: Call): void {
  const { rooms } = call;
  const { arena } = rooms.keyspace;
  const used = rooms.usedMemoryBytes();
  if (used < MIN_JUDGED_BYTES) {
    call.reply.verbatim(
      "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n",
    );
    return;
  }
  const clients = [...rooms.clients.all()];
  const perClient =
    clients.reduce((sum, client) => sum + rooms.clients.outputBytes(client), 0) / Math.max(1, clients.length);
  const findings = [
    rooms.memoryMarks.peakBytes / used > MAX_PEAK_RATIO
      ? ' * Peak memory: in the past this instance used more than 150% of the memory it uses now. Segments that are empty go back to the system; sparse ones stay resident.'
      : '',
    arena.pageBytes / Math.max(1, arena.usedBytes) > MAX_FRAGMENTATION
      ? ' * High allocator fragmentation: more than 40% of the pages in use are free cells, left by values that became smaller or were deleted. They serve the next values of their size.'
      : '',
    perClient > MAX_CLIENT_BYTES
      ? ' * Big client buffers: clients hold more than 200 KiB of replies each. Look for slow readers with CLIENT LIST and set client-output-buffer-limit.'
      : '',
  ].filter((finding) => finding !== '');
  call.reply.verbatim(
    findings.length === 0
      ? "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
      : `Sam, I detected a few issues in this Valkey instance memory implants:\n\n${findings.join('\n\n')}\n`,
  );
}

const ROW = { group: 'server', keys: NO_KEYS, since: '4.0.0', flags: 0 } as const;

export function memoryCommands(types: Types): readonly Command[] {
  return [
    {
      ...ROW,
      name: 'memory',
      arity: -2,
      summary: 'A container for memory diagnostics commands.',
      run: (call) => call.fail("ERR wrong number of arguments for 'memory' command"),
      subcommands: [
        {
          ...ROW,
          name: 'usage',
          arity: -3,
          flags: READONLY,
          keys: { first: 2, last: 2, step: 1 },
          summary: 'Estimates the memory usage of a key.',
          run: (call) => usage(types, call),
        },
        { ...ROW, name: 'stats', arity: 2, summary: 'Returns details about memory usage.', run: stats },
        { ...ROW, name: 'doctor', arity: 2, summary: 'Outputs a memory problems report.', run: doctor },
        {
          ...ROW,
          name: 'malloc-stats',
          arity: 2,
          flags: LOADING,
          summary: 'Returns the allocator statistics.',
          run: (call) => {
            const { arena } = call.keyspace;
            call.reply.verbatim(
              `arena: ${arena.usedBytes} bytes allocated in cells, ${arena.pageBytes} in pages, ${arena.segmentBytes} in segments`,
            );
          },
        },
        {
          ...ROW,
          name: 'purge',
          arity: 2,
          flags: LOADING,
          summary: 'Asks the allocator to release memory.',
          run: (call) => {
            call.keyspace.arena.dropFreeSegments(0);
            call.reply.ok();
          },
        },
        {
          ...ROW,
          name: 'help',
          arity: 2,
          flags: LOADING | STALE,
          summary: 'Returns helpful text about the different subcommands.',
          run: (call) =>
            call.help([
              'DOCTOR',
              '    Return memory problems reports.',
              'MALLOC-STATS',
              '    Return internal statistics report from the memory allocator.',
              'PURGE',
              '    Attempt to purge dirty pages for reclamation by the allocator.',
              'STATS',
              '    Return information about the memory usage of the server.',
              'USAGE <key> [SAMPLES <count>]',
              '    Return memory in bytes used by <key> and its value. Nested values are',
              '    sampled up to <count> times (default: 5, 0 means sample all).',
            ]),
        },
      ],
    },
  ];
}
