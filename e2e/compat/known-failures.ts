/**
 * Tests of the suite that fail against our node and count as failed: each with the reason. A failure that is not here fails the run;
 * an entry whose test passes is told as outdated.
 */

export interface KnownFailure {
  readonly file: string;
  readonly test: string;
  readonly reason: string;
}

export const knownFailures: readonly KnownFailure[] = [];
