/**
 * Directives of Valkey that are accepted so that a configuration file written for it starts this node too, and that have no effect
 * here: each with the reason. They are checked, kept and shown by CONFIG GET; the log names those that were given a value at start.
 * What would change results or what survives a crash is never among them: such a directive is real, or unknown and refused.
 */
import { boolean, choice, type Directive, integer, MAX_INT, memory, secret, text } from './directive.ts';

/** Valkey's bound. */
const MAX_IO_THREADS = 256;

function inert(why: string, ...directives: readonly Directive[]): readonly Directive[] {
  return directives.map((directive) => ({ ...directive, inert: why }));
}

export const inertDirectives: readonly Directive[] = [
  ...inert('the log has no logo', boolean('always-show-logo', 'no', false)),
  ...inert(
    'the process has the name that its command line gives it',
    boolean('set-proc-title', 'yes', false),
    text('proc-title-template', '{title} {listen-addr} {server-mode}'),
  ),
  ...inert('the log never holds data of users', boolean('hide-user-data-from-log', 'yes')),
  ...inert(
    'there is no crash report of a native process',
    boolean('crash-log-enabled', 'yes'),
    boolean('crash-memcheck-enabled', 'yes'),
  ),
  ...inert(
    'the log goes to standard output or a file',
    {
      ...boolean('syslog-enabled', 'no', false),
    },
    text('syslog-ident', 'valkey', false),
    text('syslog-facility', 'local0', false),
  ),
  ...inert(
    'whoever starts the process sets these of its process',
    ...[
      boolean('disable-thp', 'yes', false),
      text('server-cpulist', '', false, 'server_cpulist'),
      text('bio-cpulist', '', false, 'bio_cpulist'),
      text('aof-rewrite-cpulist', '', false, 'aof_rewrite_cpulist'),
      text('bgsave-cpulist', '', false, 'bgsave_cpulist'),
      choice('supervised', 'no', ['no', 'auto', 'systemd', 'upstart'], false),
    ],
  ),
  ...inert('there are no modules to load', choice('enable-module-command', 'no', ['no', 'yes', 'local'], false)),
  ...inert('no assertion is made on request', { ...boolean('enable-debug-assert', 'no', false), hidden: true }),
  ...inert('a table grows by one bucket at an insert and never rehashes', boolean('activerehashing', 'yes')),
  ...inert(
    'memory that was freed is used again by the arena itself',
    boolean('activedefrag', 'no'),
    integer('active-defrag-cycle-min', 1, 1, 99),
    integer('active-defrag-cycle-max', 25, 1, 99),
    integer('active-defrag-cycle-us', 500, 0, 100_000),
    integer('active-defrag-threshold-lower', 10, 0, 1000),
    integer('active-defrag-threshold-upper', 100, 0, 1000),
    integer('active-defrag-max-scan-fields', 1000, 1, MAX_INT),
    memory('active-defrag-ignore-bytes', 100 * 1024 * 1024, 1),
    boolean('jemalloc-bg-thread', 'yes'),
  ),
  ...inert(
    'big values are always freed in slices',
    boolean('lazyfree-lazy-user-del', 'yes'),
    boolean('lazyfree-lazy-user-flush', 'yes'),
    boolean('replica-lazy-flush', 'yes', true, 'slave-lazy-flush'),
  ),
  ...inert('the nodes of a list are never compressed', integer('list-compress-depth', 0, 0, MAX_INT)),
  ...inert(
    'an RDB file is written without compression, and flushed to the disk as it grows',
    boolean('rdbcompression', 'yes'),
    boolean('rdb-save-incremental-fsync', 'yes'),
  ),
  ...inert(
    'a full sync goes from memory to memory, at once, over the one connection',
    boolean('repl-diskless-sync', 'yes'),
    integer('repl-diskless-sync-delay', 5, 0, MAX_INT),
    integer('repl-diskless-sync-max-replicas', 0, 0, MAX_INT),
    choice('repl-diskless-load', 'disabled', ['disabled', 'on-empty-db', 'flush-before-load', 'swapdb']),
    boolean('dual-channel-replication-enabled', 'no'),
    boolean('rdb-del-sync-files', 'no'),
    boolean('repl-disable-tcp-nodelay', 'no'),
  ),
  ...inert(
    'a replica that cannot apply a command always drops the link',
    ...[
      choice('propagation-error-behavior', 'ignore', ['ignore', 'panic', 'panic-on-replicas']),
      boolean('replica-ignore-disk-write-errors', 'no'),
    ],
  ),
  ...inert('there is no sentinel', boolean('replica-announced', 'yes')),
  ...inert(
    'the base of the append-only file is always a snapshot, written as other snapshots are',
    boolean('aof-use-rdb-preamble', 'yes'),
    boolean('aof-timestamp-enabled', 'no'),
    boolean('aof-rewrite-incremental-fsync', 'yes'),
  ),
  ...inert(
    'the sockets of Node.js know one path at a time',
    boolean('mptcp', 'no', false),
    boolean('repl-mptcp', 'no', false),
  ),
  ...inert(
    'one thread does all work: of more of them nobody would see but speed',
    integer('io-threads', 1, 1, MAX_IO_THREADS),
    ...[
      boolean('io-threads-always-active', 'no'),
      integer('min-io-threads-avoid-copy-reply', 7, 0, MAX_INT),
      integer('min-string-size-avoid-copy-reply', 16384, 0, MAX_INT),
      integer('min-string-size-avoid-copy-reply-threaded', 65536, 0, MAX_INT),
      integer('loading-process-events-interval-bytes', 2 * 1024 * 1024, 1024, MAX_INT),
    ].map((directive) => ({ ...directive, hidden: true })),
  ),
  ...inert(
    'the event loop of Node.js accepts and reads',
    integer('max-new-connections-per-cycle', 10, 1, 1000),
    integer('max-new-tls-connections-per-cycle', 1, 1, 1000),
    integer('prefetch-batch-max-size', 16, 0, 128),
    integer('socket-mark-id', 0, 0, 2 ** 32 - 1, false),
  ),
  // A file or port of TLS is refused: nobody can believe that connections are encrypted.
  ...inert(
    'there is no TLS, and no key that a password opens',
    secret('tls-key-file-pass'),
    secret('tls-client-key-file-pass'),
  ),
  ...inert('there is nothing to warn of at start', text('ignore-warnings', '')),
];
