/**
 * Tests of the suite that fail against our node and count as failed: each with the reason. A failure that is not here fails the run;
 * an entry whose test passes is told as outdated.
 */

export interface KnownFailure {
  readonly file: string;
  readonly test: string;
  readonly reason: string;
}

const NO_CHILD = 'looks for the child process that saves: our node saves within its own';

export const knownFailures: readonly KnownFailure[] = [
  { file: 'unit/shutdown', test: 'Temp rdb will be deleted if we use bg_unlink when shutdown', reason: NO_CHILD },
  { file: 'unit/oom-score-adj', test: 'CONFIG SET oom-score-adj works as expected', reason: NO_CHILD },
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
