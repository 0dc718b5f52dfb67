/**
 * The directives of valkey.conf that this node has: name, kind, default, bounds, and whether CONFIG SET may change it live.
 * One table: the command line, the configuration file, CONFIG GET/SET and the documentation read it.
 * Source of names, defaults and bounds: Valkey 9.1 config.c and valkey.conf.
 */

import { eventLetters, eventMask } from '../keyspace/events.ts';
import { EVICTION_POLICY_NAMES, NO_EVICTION } from '../keyspace/eviction-policy.ts';
import {
  boolean,
  choice,
  type Directive,
  integer,
  MAX_INT,
  MAX_PORT,
  memory,
  octal,
  secret,
  text,
  words,
} from './directive.ts';
import { inertDirectives } from './inert-directives.ts';

export type { Directive, DirectiveKind } from './directive.ts';

/** Where Valkey's bound is 2^63 - 1. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER;

export const directives: readonly Directive[] = [
  // Network
  words('bind', '* -::*', () => null),
  integer('port', 6379, 0, MAX_PORT),
  text('unixsocket', '', false),
  octal('unixsocketperm', 0, 0o777),
  text('unixsocketgroup', '', false),
  text('bind-source-addr', ''),
  integer('tcp-backlog', 511, 1, MAX_INT, false),
  integer('timeout', 0, 0, MAX_INT),
  integer('tcp-keepalive', 300, 0, MAX_INT),
  boolean('protected-mode', 'yes'),
  integer('maxclients', 10000, 1, 1_000_000),
  memory('proto-max-bulk-len', 512 * 1024 * 1024, 1024 * 1024),
  memory('client-query-buffer-limit', 1024 * 1024 * 1024, 1024 * 1024),
  {
    ...words(
      'client-output-buffer-limit',
      'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
      checkOutputLimits,
    ),
    canonical: canonicalOutputLimits,
  },

  // General
  boolean('extended-redis-compatibility', 'no'),
  choice('loglevel', 'notice', ['debug', 'verbose', 'notice', 'warning', 'nothing']),
  text('logfile', '', false),
  integer('databases', 16, 1, 1024, false),
  integer('cluster-databases', 1, 1, 1024, false),
  integer('hz', 10, 1, 500),
  secret('requirepass'),
  text('aclfile', '', false),
  choice('acl-pubsub-default', 'resetchannels', ['allchannels', 'resetchannels']),
  integer('tracking-table-max-keys', 1_000_000, 0, Number.MAX_SAFE_INTEGER),
  boolean('import-mode', 'no'),
  integer('acllog-max-len', 128, 0, MAX_INT),
  choice('enable-debug-command', 'no', ['no', 'yes', 'local'], false),
  choice('enable-protected-configs', 'no', ['no', 'yes', 'local'], false),
  choice('daemonize', 'no', ['no'], false),
  text('pidfile', '', false),
  { ...words('shutdown-on-sigterm', 'default', checkShutdown), canonical: inTheirOrder },
  { ...words('shutdown-on-sigint', 'default', checkShutdown), canonical: inTheirOrder },

  choice('oom-score-adj', 'no', ['no', 'yes', 'relative', 'absolute']),
  words('oom-score-adj-values', '0 200 800', checkOomScores),

  // Memory
  memory('maxmemory', 0),
  choice('maxmemory-policy', NO_EVICTION, EVICTION_POLICY_NAMES),
  integer('maxmemory-samples', 5, 1, 64),
  integer('maxmemory-eviction-tenacity', 10, 0, 100),
  words('maxmemory-clients', '0', checkClientMemory),
  integer('lfu-log-factor', 10, 0, MAX_INT),
  integer('lfu-decay-time', 1, 0, MAX_INT),
  integer('active-expire-effort', 1, 1, 10),
  boolean('lazyfree-lazy-eviction', 'yes'),
  boolean('lazyfree-lazy-expire', 'yes'),
  boolean('lazyfree-lazy-server-del', 'yes'),

  // Observability
  integer('commandlog-execution-slower-than', 10_000, -1, UNBOUNDED, true, 'slowlog-log-slower-than'),
  integer('commandlog-request-larger-than', 1024 * 1024, -1, UNBOUNDED),
  integer('commandlog-reply-larger-than', 1024 * 1024, -1, UNBOUNDED),
  integer('commandlog-slow-execution-max-len', 128, 0, MAX_INT, true, 'slowlog-max-len'),
  integer('commandlog-large-request-max-len', 128, 0, MAX_INT),
  integer('commandlog-large-reply-max-len', 128, 0, MAX_INT),
  integer('latency-monitor-threshold', 0, 0, UNBOUNDED),
  boolean('latency-tracking', 'yes'),
  { ...words('latency-tracking-info-percentiles', '50 99 99.9', checkPercentiles), canonical: shortestNumbers },

  // Scripting
  integer('busy-reply-threshold', 5000, 0, UNBOUNDED, true, 'lua-time-limit'),
  boolean('lua-enable-insecure-api', 'no'),

  // Keyspace events
  {
    ...words('notify-keyspace-events', '', (value) =>
      eventMask(value) === null ? "Invalid event class character. Use 'Ag$lshzxeKEtmdn'." : null,
    ),
    canonical: (value) => eventLetters(eventMask(value)!),
  },

  // Encodings
  integer('hash-max-listpack-entries', 512, 0, MAX_INT, true, 'hash-max-ziplist-entries'),
  integer('hash-max-listpack-value', 64, 0, MAX_INT, true, 'hash-max-ziplist-value'),
  integer('set-max-intset-entries', 512, 0, MAX_INT),
  integer('set-max-listpack-entries', 128, 0, MAX_INT),
  integer('set-max-listpack-value', 64, 0, MAX_INT),
  integer('zset-max-listpack-entries', 128, 0, MAX_INT, true, 'zset-max-ziplist-entries'),
  integer('zset-max-listpack-value', 64, 0, MAX_INT, true, 'zset-max-ziplist-value'),
  integer('list-max-listpack-size', -2, -MAX_INT - 1, MAX_INT, true, 'list-max-ziplist-size'),
  memory('hll-sparse-max-bytes', 3000),
  memory('stream-node-max-bytes', 4096),
  integer('stream-node-max-entries', 100, 0, Number.MAX_SAFE_INTEGER),

  // Persistence
  { ...integer('rdb-key-save-delay', 0, -MAX_INT, MAX_INT), hidden: true },
  { ...integer('key-load-delay', 0, -MAX_INT, MAX_INT), hidden: true },
  words('save', '3600 1 300 100 60 10000', checkSavePoints),
  boolean('stop-writes-on-bgsave-error', 'yes'),
  boolean('rdbchecksum', 'yes', false),
  choice('rdb-version-check', 'strict', ['strict', 'relaxed']),
  { ...text('dbfilename', 'dump.rdb'), isProtected: true },
  { ...text('dir', './'), isProtected: true },
  boolean('appendonly', 'no'),
  choice('appendfsync', 'everysec', ['always', 'everysec', 'no']),
  boolean('no-appendfsync-on-rewrite', 'no'),
  integer('auto-aof-rewrite-percentage', 100, 0, MAX_INT),
  memory('auto-aof-rewrite-min-size', 64 * 1024 * 1024),
  boolean('aof-load-truncated', 'yes'),
  text('appendfilename', 'appendonly.aof', false),
  text('appenddirname', 'appendonlydir', false),

  // Replication
  { ...words('replicaof', '', checkReplicaOf, false), alias: 'slaveof' },
  secret('primaryauth', 'masterauth'),
  secret('primaryuser', 'masteruser'),
  boolean('replica-read-only', 'yes', true, 'slave-read-only'),
  boolean('replica-serve-stale-data', 'yes', true, 'slave-serve-stale-data'),
  integer('replica-priority', 100, 0, MAX_INT, true, 'slave-priority'),
  text('replica-announce-ip', '', true, 'slave-announce-ip'),
  integer('replica-announce-port', 0, 0, MAX_PORT, true, 'slave-announce-port'),
  integer('repl-ping-replica-period', 10, 1, MAX_INT, true, 'repl-ping-slave-period'),
  integer('repl-timeout', 60, 1, MAX_INT),
  memory('repl-backlog-size', 10 * 1024 * 1024, 1),
  integer('repl-backlog-ttl', 3600, 0, MAX_INT),
  integer('min-replicas-to-write', 0, 0, MAX_INT, true, 'min-slaves-to-write'),
  integer('min-replicas-max-lag', 10, 0, MAX_INT, true, 'min-slaves-max-lag'),

  // Cluster
  boolean('cluster-enabled', 'no', false),
  text('cluster-config-file', 'nodes.conf', false),
  integer('cluster-port', 0, 0, MAX_PORT, false),
  integer('cluster-node-timeout', 15000, 0, MAX_INT),
  { ...integer('cluster-ping-interval', 0, 0, MAX_INT), hidden: true },
  boolean('cluster-slot-stats-enabled', 'no'),
  boolean('cluster-require-full-coverage', 'yes'),
  boolean('cluster-allow-reads-when-down', 'no'),
  boolean('cluster-allow-pubsubshard-when-down', 'yes'),
  boolean('cluster-allow-replica-migration', 'yes'),
  boolean('cluster-replica-no-failover', 'no', true, 'cluster-slave-no-failover'),
  integer('cluster-replica-validity-factor', 10, 0, MAX_INT, true, 'cluster-slave-validity-factor'),
  integer('cluster-migration-barrier', 1, 0, MAX_INT),
  text('cluster-announce-ip', ''),
  integer('cluster-announce-port', 0, 0, MAX_PORT),
  integer('cluster-announce-bus-port', 0, 0, MAX_PORT),
  text('cluster-announce-hostname', ''),
  text('cluster-announce-human-nodename', ''),
  text('cluster-announce-client-ipv4', ''),
  text('cluster-announce-client-ipv6', ''),
  text('availability-zone', ''),
  choice('cluster-preferred-endpoint-type', 'ip', ['ip', 'hostname', 'unknown-endpoint']),
  integer('cluster-manual-failover-timeout', 5000, 1, MAX_INT),
  integer('cluster-blacklist-ttl', 60, 0, MAX_INT),
  memory('cluster-link-sendbuf-limit', 0),
  integer('cluster-slot-migration-log-max-len', 1000, 0, MAX_INT),
  memory('slot-migration-max-failover-repl-bytes', 0, -1),

  ...inertDirectives,
];

/** Bytes, or a share of maxmemory. */
function checkClientMemory(value: string): string | null {
  const share = /^(\d+)%$/.exec(value);
  if (share !== null) return Number(share[1]) <= 100 ? null : 'percentage argument must be less or equal to 100';
  return (parseMemory(value) ?? -1) >= 0 ? null : 'argument must be a memory or percent value';
}

function checkSavePoints(value: string): string | null {
  if (value === '') return null;
  const numbers = value.split(' ').map(Number);
  return numbers.length % 2 === 0 && numbers.every((n, i) => Number.isInteger(n) && n >= (i % 2 === 0 ? 1 : 0))
    ? null
    : 'Invalid save parameters';
}

function checkReplicaOf(value: string): string | null {
  if (value === '') return null;
  const [host, port, ...rest] = value.split(' ');
  if (host === undefined || port === undefined || rest.length > 0) return 'wrong number of arguments';
  return /^\d+$/.test(port) && Number(port) <= MAX_PORT ? null : 'Invalid primary port';
}

const MAX_OOM_SCORE = 2000;

function checkOomScores(value: string): string | null {
  const scores = value.split(' ');
  if (scores.length !== 3) return 'wrong number of arguments';
  const isScore = (word: string) => /^-?\d+$/.test(word) && Math.abs(Number(word)) <= MAX_OOM_SCORE;
  return scores.every(isScore) ? null : 'Invalid oom-score-adj-values, elements must be between -2000 and 2000.';
}

/** A primary of a cluster always hands over before it ends, and no replica is waited for: those words say so and change nothing. */
const SHUTDOWN_WORDS = ['default', 'save', 'nosave', 'now', 'force', 'safe', 'failover'] as const;

function checkShutdown(value: string): string | null {
  const given = value.split(' ');
  const unknown = given.find((word) => !(SHUTDOWN_WORDS as readonly string[]).includes(word));
  if (unknown !== undefined) return `argument(s) must be one of the following: ${SHUTDOWN_WORDS.join(', ')}`;
  return given.includes('save') && given.includes('nosave') ? 'save and nosave are set at once' : null;
}

function inTheirOrder(value: string): string {
  const given = value.split(' ');
  return SHUTDOWN_WORDS.filter((word) => given.includes(word)).join(' ');
}

export interface OutputLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

export type OutputLimits = Readonly<Record<'normal' | 'slave' | 'pubsub', OutputLimit>>;

/** The classes of `client-output-buffer-limit` in `value`, over those in `before`; null when it is malformed. */
export function parseOutputLimits(value: string, before: OutputLimits | null): OutputLimits | null {
  const limits = readOutputLimits(value, before);
  return typeof limits === 'string' ? null : limits;
}

/** The limits, or what is wrong with them. */
function readOutputLimits(value: string, before: OutputLimits | null): OutputLimits | string {
  const parts = value.split(' ').filter((part) => part !== '');
  if (parts.length % 4 !== 0) return 'Wrong number of arguments in buffer limit configuration.';
  const none = { hardBytes: 0, softBytes: 0, softSeconds: 0 };
  let limits: OutputLimits = before ?? { normal: none, slave: none, pubsub: none };
  for (let i = 0; i < parts.length; i += 4) {
    const name = parts[i]!.toLowerCase().replace('replica', 'slave');
    const hardBytes = parseMemory(parts[i + 1]!);
    const softBytes = parseMemory(parts[i + 2]!);
    const softSeconds = Number(parts[i + 3]);
    if (!['normal', 'slave', 'pubsub'].includes(name))
      return 'Invalid client class specified in buffer limit configuration.';
    if (hardBytes === null || softBytes === null || !Number.isInteger(softSeconds) || softSeconds < 0)
      return 'Error in hard, soft or soft_seconds setting in buffer limit configuration.';
    limits = { ...limits, [name]: { hardBytes, softBytes, softSeconds } };
  }
  return limits;
}

function shortestNumbers(value: string): string {
  return value === ''
    ? ''
    : value
        .split(' ')
        .map((word) => String(Number(word)))
        .join(' ');
}

function checkPercentiles(value: string): string | null {
  const numbers = value === '' ? [] : value.split(' ').map(Number);
  if (numbers.some(Number.isNaN)) return 'Invalid latency-tracking-info-percentiles parameters';
  return numbers.every((percent) => percent >= 0 && percent <= 100)
    ? null
    : 'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]';
}

function canonicalOutputLimits(value: string): string {
  return Object.entries(parseOutputLimits(value, null)!)
    .map(([name, { hardBytes, softBytes, softSeconds }]) => `${name} ${hardBytes} ${softBytes} ${softSeconds}`)
    .join(' ');
}

function checkOutputLimits(value: string): string | null {
  const limits = readOutputLimits(value, null);
  return typeof limits === 'string' ? limits : null;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

/** `100mb`, `1g`, `4096` as bytes; null for what is none. */
export function parseMemory(value: string): number | null {
  const match = /^(-?\d+)([a-z]*)$/i.exec(value);
  if (match === null) return null;
  const unit = UNITS[match[2]!.toLowerCase()];
  return unit === undefined ? null : Number(match[1]) * unit;
}

export function isOn(value: string): boolean {
  return value === 'yes';
}
