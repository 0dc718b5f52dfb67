/**
 * Tests of the suite that fail against our node and count as failed: each with the reason. A failure that is not here fails the run;
 * an entry whose test passes is told as outdated.
 */

export interface KnownFailure {
  readonly file: string;
  readonly test: string;
  readonly reason: string;
  /** It is not run, since it would keep the rest of its file from running; it counts as failed all the same. */
  readonly hangs?: true;
}

const NO_CHILD = 'looks for the child process that saves: our node saves within its own';

const NO_PUMP =
  'expects other clients to be answered BUSY while a script runs; here a script that runs too long is ended';

export const knownFailures: readonly KnownFailure[] = [
  ...[
    'Timedout read-only scripts can be killed by SCRIPT KILL',
    'Timedout read-only scripts can be killed by SCRIPT KILL even when use pcall',
    'Timedout script does not cause a false dead client',
    'Timedout script link is still usable after Lua returns',
    'Timedout scripts and unblocked command',
    "Timedout scripts that modified data can't be killed by SCRIPT KILL",
    'SHUTDOWN NOSAVE can kill a timedout script anyway',
  ].map((test) => ({ file: 'unit/scripting', test, reason: NO_PUMP, hangs: true as const })),
  { file: 'unit/shutdown', test: 'Temp rdb will be deleted if we use bg_unlink when shutdown', reason: NO_CHILD },
  { file: 'unit/oom-score-adj', test: 'CONFIG SET oom-score-adj works as expected', reason: NO_CHILD },
  {
    file: 'unit/hashexpire',
    test: 'TTL Persistence in AOF aof-use-rdb-preamble no',
    reason: 'looks for commands in the base of the append-only file, which is always an RDB file here',
  },
  {
    file: 'unit/other',
    test: 'Process title set as expected',
    reason: 'the title of a Node.js process is no longer than its command line was',
  },
  {
    file: 'unit/io-threads',
    test: 'Force the use of IO threads and assert active IO thread usage',
    reason: 'one thread does all work, and io-threads has no effect',
  },
];
