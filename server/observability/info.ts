/**
 * INFO: sections and fields that clients and monitoring read, in Valkey's names. Source: Valkey 9.1 server.c genValkeyInfoString.
 * Rooms that know more (replication, persistence, cluster) add their sections through `rooms.infoSections`.
 */

import { DENIED_AUTH, DENIED_CHANNEL, DENIED_COMMAND, DENIED_DATABASE, DENIED_KEY } from '../acl/check.ts';
import type { InfoSection, Rooms } from '../commands/rooms.ts';
import { REDIS_VERSION, VALKEY_VERSION } from '../config/version.ts';

/** Refusals as INFO names them; nobody authenticates by a certificate here. */
const ACL_REASONS: readonly (readonly [number, string])[] = [
  [DENIED_AUTH, 'auth'],
  [DENIED_COMMAND, 'cmd'],
  [DENIED_KEY, 'key'],
  [DENIED_CHANNEL, 'channel'],
  [0, 'tls_cert'],
  [DENIED_DATABASE, 'db'],
];

/** No git checkout stands behind a build. */
const NO_SOURCE = '00000000';

/** Counters of what does not exist here: time to fork, active defragmentation, I/O threads. Monitoring reads them. */
const ABSENT_STATS: readonly string[] = [
  'latest_fork_usec',
  'active_defrag_hits',
  'active_defrag_misses',
  'active_defrag_key_hits',
  'active_defrag_key_misses',
  'total_active_defrag_time',
  'current_active_defrag_time',
  'dump_payload_sanitizations',
  'io_threaded_reads_processed',
  'io_threaded_writes_processed',
];

type Section = (rooms: Rooms) => InfoSection;

const server: Section = (rooms) => (add) => {
  const facts = rooms.host.process();
  const { settings, keyspace } = rooms;
  const upSeconds = Math.floor((keyspace.nowMs - facts.startedAtMs) / 1000);
  const mode = keyspace.slots > 1 ? 'cluster' : 'standalone';
  add('redis_version', REDIS_VERSION);
  add('server_name', 'valkey');
  add('valkey_version', VALKEY_VERSION);
  add('valkey_release_stage', 'ga');
  add('redis_git_sha1', NO_SOURCE);
  add('redis_git_dirty', 0);
  add('redis_build_id', NO_SOURCE);
  add('server_implementation', 'keyherd');
  add(settings.flag('extended-redis-compatibility') ? 'redis_mode' : 'server_mode', mode);
  add('os', facts.platform);
  add('arch_bits', 64);
  add('monotonic_clock', 'performance.now');
  add('multiplexing_api', 'libuv');
  add('node_version', facts.nodeVersion);
  add('process_id', facts.pid);
  add('process_supervised', 'no');
  add('run_id', rooms.runId);
  add('tcp_port', settings.integer('port'));
  add('server_time_usec', keyspace.nowMs * 1000);
  add('uptime_in_seconds', upSeconds);
  add('uptime_in_days', Math.floor(upSeconds / 86400));
  add('hz', settings.integer('hz'));
  add('configured_hz', settings.integer('hz'));
  add('clients_hz', settings.integer('hz'));
  add('lru_clock', keyspace.accessClock);
  add('executable', facts.executable);
  add('config_file', facts.configFile);
  add('io_threads_active', 0);
  add('availability_zone', '');
  const binds = settings
    .text('bind')
    .split(' ')
    .map((address) => `bind=${address}`);
  add('listener0', `name=tcp,${binds.join(',')},port=${settings.integer('port')}`);
};

const clients: Section = (rooms) => (add) => {
  const all = [...rooms.clients.all()];
  const paused = rooms.clients.longestPause();
  add('connected_clients', rooms.clients.count);
  add('cluster_connections', 0);
  add('maxclients', rooms.settings.integer('maxclients'));
  add('client_recent_max_input_buffer', Math.max(0, ...all.map((client) => client.inputBytes)));
  add('client_recent_max_output_buffer', Math.max(0, ...all.map((client) => client.output.length)));
  add('blocked_clients', rooms.clients.blockedCount);
  add('tracking_clients', rooms.tracking.clientCount);
  add('pubsub_clients', all.filter((client) => client.subscriptions > 0).length);
  add('watching_clients', all.filter((client) => client.watching).length);
  add('clients_in_timeout_table', all.filter((client) => (client.waiter?.deadlineMs ?? 0) > 0).length);
  add('total_watched_keys', rooms.watches.count);
  add('total_blocking_keys', rooms.blocking.keyCount);
  add('total_blocking_keys_on_nokey', rooms.blocking.keysOnDeletion);
  add('paused_reason', paused === null ? 'none' : paused.reason);
  add('paused_actions', paused === null ? 'none' : paused.actions);
  add('paused_timeout_milliseconds', paused === null ? 0 : Math.max(0, paused.untilMs - rooms.keyspace.nowMs));
};

const memory: Section = (rooms) => (add) => {
  const facts = rooms.host.process();
  const { arena } = rooms.keyspace;
  const used = rooms.usedMemoryBytes();
  const peak = Math.max(used, rooms.memoryMarks.peakBytes);
  const dataset = arena.usedBytes;
  const maximum = rooms.settings.integer('maxmemory');
  add('used_memory', used);
  add('used_memory_human', human(used));
  add('used_memory_rss', facts.residentBytes);
  add('used_memory_rss_human', human(facts.residentBytes));
  add('used_memory_peak', peak);
  add('used_memory_peak_human', human(peak));
  add('used_memory_peak_perc', percent(used, peak));
  add('used_memory_overhead', used - dataset);
  add('used_memory_startup', rooms.memoryMarks.startBytes);
  add('used_memory_dataset', dataset);
  add('used_memory_dataset_perc', percent(dataset, used));
  add('allocator_allocated', arena.usedBytes);
  add('allocator_active', arena.pageBytes);
  add('allocator_resident', arena.segmentBytes);
  add('heap_bytes', facts.heapBytes);
  add('total_system_memory', facts.machineBytes);
  add('total_system_memory_human', human(facts.machineBytes));
  add('maxmemory', maximum);
  add('maxmemory_human', human(maximum));
  add('maxmemory_policy', rooms.settings.text('maxmemory-policy'));
  add('allocator_frag_ratio', (arena.pageBytes / Math.max(1, arena.usedBytes)).toFixed(2));
  add('allocator_frag_bytes', arena.pageBytes - arena.usedBytes);
  add('mem_fragmentation_ratio', (facts.residentBytes / Math.max(1, used)).toFixed(2));
  add('mem_fragmentation_bytes', facts.residentBytes - used);
  add('mem_clients_normal', rooms.clientBytes());
  add('mem_allocator', 'arena');
  add('active_defrag_running', 0);
  add('lazyfree_pending_objects', rooms.keyspace.lazyPending);
  add('lazyfreed_objects', rooms.keyspace.lazyFreed);
};

const stats: Section = (rooms) => (add) => {
  const { accounting, traffic, keyspace, clients: all } = rooms;
  const rates = traffic.kilobytesPerSecond;
  add('total_connections_received', all.accepted);
  add('total_commands_processed', accounting.commands);
  add('instantaneous_ops_per_sec', Math.round(traffic.commandsPerSecond));
  add('total_net_input_bytes', traffic.inputBytes + traffic.replicationInputBytes);
  add('total_net_output_bytes', traffic.outputBytes + traffic.replicationOutputBytes);
  add('total_net_repl_input_bytes', traffic.replicationInputBytes);
  add('total_net_repl_output_bytes', traffic.replicationOutputBytes);
  add('instantaneous_input_kbps', rates.input.toFixed(2));
  add('instantaneous_output_kbps', rates.output.toFixed(2));
  add('instantaneous_input_repl_kbps', rates.replicationInput.toFixed(2));
  add('instantaneous_output_repl_kbps', rates.replicationOutput.toFixed(2));
  add('rejected_connections', all.refused);
  add('expired_keys', keyspace.expired);
  add('expired_fields', keyspace.expiredFields);
  add('evicted_keys', keyspace.evicted);
  add('evicted_clients', all.evicted);
  add('evicted_scripts', rooms.scripting?.scripts.evicted ?? 0);
  add('keyspace_hits', keyspace.hits);
  add('keyspace_misses', keyspace.misses);
  add('pubsub_channels', rooms.pubsub.channels.size);
  add('pubsub_patterns', rooms.pubsub.patterns.size);
  add('pubsubshard_channels', rooms.pubsub.shardChannels.size);
  add('tracking_total_keys', rooms.tracking.keyCount);
  add('tracking_total_items', rooms.tracking.itemCount);
  add('tracking_total_prefixes', rooms.tracking.prefixCount);
  add('unexpected_error_replies', 0);
  add('total_error_replies', accounting.errors.total);
  add('total_reads_processed', traffic.reads);
  add('total_writes_processed', traffic.writes);
  add('client_query_buffer_limit_disconnections', all.overQueryLimit);
  add('client_output_buffer_limit_disconnections', all.overOutputLimit);
  add('eventloop_cycles', traffic.cycles);
  add('eventloop_duration_sum', Math.round(traffic.cycleMicros));
  add('eventloop_duration_cmd_sum', Math.round(accounting.commandMicros));
  add('instantaneous_eventloop_cycles_per_sec', Math.round(traffic.cyclesPerSecond));
  add('instantaneous_eventloop_duration_usec', Math.round(traffic.microsPerCycle));
  for (const [reason, name] of ACL_REASONS) add(`acl_access_denied_${name}`, rooms.acl.log.denied(reason));
  for (const field of ABSENT_STATS) add(field, 0);
};

/** What is told only when it is asked for by name; the last two are of I/O threads, which do not exist here. */
const debug: Section = (rooms) => (add) => {
  const { traffic } = rooms;
  add('eventloop_duration_aof_sum', Math.round(traffic.appendMicros));
  add('eventloop_duration_cron_sum', Math.round(traffic.tickMicros));
  add('eventloop_duration_max', Math.round(traffic.longestCycleMicros));
  add('eventloop_cmd_per_cycle_max', traffic.mostCommandsInCycle);
  add('io_threaded_reads_pending', 0);
  add('io_threaded_writes_pending', 0);
};

const cpu: Section = (rooms) => (add) => {
  const facts = rooms.host.process();
  add('used_cpu_sys', facts.cpuSystemSeconds.toFixed(6));
  add('used_cpu_user', facts.cpuUserSeconds.toFixed(6));
  add('used_cpu_sys_children', '0.000000');
  add('used_cpu_user_children', '0.000000');
  add('used_active_time_main_thread', (rooms.traffic.cycleMicros / 1e6).toFixed(6));
};

const commandstats: Section = (rooms) => (add) => {
  for (const entry of rooms.registry.entries.flatMap((one) => [one, ...one.subcommands])) {
    if (entry.calls === 0 && entry.rejected === 0) continue;
    const micros = rooms.accounting.micros[entry.id]!;
    const perCall = entry.calls === 0 ? 0 : micros / entry.calls;
    add(
      `cmdstat_${entry.fullName}`,
      `calls=${entry.calls},usec=${Math.round(micros)},usec_per_call=${perCall.toFixed(2)},rejected_calls=${entry.rejected},failed_calls=${entry.failed}`,
    );
  }
};

const errorstats: Section = (rooms) => (add) => {
  for (const [code, count] of rooms.accounting.errors.all()) add(`errorstat_${code}`, `count=${count}`);
};

const latencystats: Section = (rooms) => (add) => {
  const { accounting, registry, settings } = rooms;
  const percents = settings
    .text('latency-tracking-info-percentiles')
    .split(' ')
    .filter((word) => word !== '');
  if (percents.length === 0) return;
  for (const { id, fullName } of registry.all) {
    const histogram = accounting.histogram(id);
    if (histogram === null) continue;
    const times = percents.map((percent) => `p${Number(percent)}=${histogram.percentile(Number(percent)).toFixed(3)}`);
    add(`latency_percentiles_usec_${fullName}`, times.join(','));
  }
};

const cluster: Section = (rooms) => (add) => add('cluster_enabled', rooms.keyspace.slots > 1 ? 1 : 0);

const keyspace: Section = (rooms) => (add) => {
  for (const database of rooms.keyspace.databases) {
    if (database.size === 0) continue;
    const { index, size, expiring, expiringHashes } = database;
    add(`db${index}`, `keys=${size},expires=${expiring},avg_ttl=0,keys_with_volatile_items=${expiringHashes}`);
  }
};

/** In the order of INFO; null: the section comes from `infoSections` alone. */
const sections: readonly (readonly [string, Section | null])[] = [
  ['server', server],
  ['clients', clients],
  ['memory', memory],
  ['persistence', null],
  ['stats', stats],
  ['replication', null],
  ['cpu', cpu],
  ['commandstats', commandstats],
  ['errorstats', errorstats],
  ['latencystats', latencystats],
  ['cluster', cluster],
  ['scriptingengines', null],
  ['keyspace', keyspace],
  ['debug', debug],
];
const TITLES: Readonly<Record<string, string>> = { cpu: 'CPU', scriptingengines: 'Scripting Engines' };
const NOT_DEFAULT: readonly string[] = ['commandstats', 'latencystats', 'scriptingengines', 'debug'];
const ONLY_BY_NAME = 'debug';

/** The text of INFO for the sections named (none: the default ones; `all`, `everything`, `default` as in Valkey). */
export function infoText(rooms: Rooms, wanted: readonly string[]): string {
  const all = wanted.includes('all') || wanted.includes('everything');
  const byDefault = wanted.length === 0 || wanted.includes('default');
  const parts: string[] = [];
  for (const [name, section] of sections) {
    if (!(all && name !== ONLY_BY_NAME) && !wanted.includes(name) && !(byDefault && !NOT_DEFAULT.includes(name)))
      continue;
    let text = `# ${TITLES[name] ?? `${name[0]!.toUpperCase()}${name.slice(1)}`}\r\n`;
    const add = (field: string, value: string | number): void => {
      text += `${field}:${value}\r\n`;
    };
    section?.(rooms)(add);
    rooms.infoSections.get(name)?.(add);
    parts.push(text);
  }
  return parts.join('\r\n');
}

function percent(part: number, whole: number): string {
  return `${((part / Math.max(1, whole)) * 100).toFixed(2)}%`;
}

/** `1.50M` */
export function human(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const units = ['K', 'M', 'G', 'T'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(2)}${units[unit]}`;
}
