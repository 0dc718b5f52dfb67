/**
 * Leader election over a Lease, as a pure state machine: it takes what was read and written with monotonic times,
 * and says what to do next. The driver (elector.ts) owns the clock and the API server.
 *
 * Safety rests on two rules, neither of which trusts another machine's clock:
 * - a candidate takes a Lease over only when it has watched it unchanged for the whole of its duration;
 * - a leader may act only until `renewDeadlineMs` after the moment at which its last successful write was *sent*.
 * The deadline is shorter than the duration, so a leader has stopped before another can begin. Losing is final:
 * the process exits and a fresh one starts as a candidate, with nothing half-done in memory.
 */

export interface LeaseTimes {
  /** How long a Lease lasts that is not renewed. */
  readonly durationMs: number;
  /** How long the leader goes on without a successful renewal; below the duration. */
  readonly renewDeadlineMs: number;
  /** Pause between attempts. */
  readonly retryMs: number;
}

export const LEASE_TIMES: LeaseTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** The Lease as the API server stores it. */
export interface LeaseRecord {
  readonly holder: string;
  readonly durationMs: number;
  /** Wall clock of the holder; written for people, never compared. */
  readonly renewTime: string;
  readonly acquireTime: string;
  readonly transitions: number;
  /** The version to write against; '' for one that does not exist yet. */
  readonly resourceVersion: string;
}

export type Role = 'candidate' | 'leader' | 'lost';

export interface Election {
  readonly identity: string;
  readonly times: LeaseTimes;
  readonly role: Role;
  /** The Lease as last seen, and when (monotonic) it was first seen so. */
  readonly seen?: LeaseRecord;
  readonly seenAtMs: number;
  /** Until when (monotonic) a leader may act. */
  readonly deadlineMs: number;
  /** Why the role was lost. */
  readonly reason: string;
}

/** What to do next. `write` goes against `resourceVersion` and must fail if the Lease changed since. */
export type Action =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'read' }
  | {
      readonly do: 'write';
      readonly holder: string;
      readonly resourceVersion: string;
      readonly transitions: number;
      readonly acquireTime: string;
    }
  | { readonly do: 'exit'; readonly reason: string };

export function newElection(identity: string, times: LeaseTimes = LEASE_TIMES): Election {
  if (times.renewDeadlineMs >= times.durationMs)
    throw new Error('the renew deadline must be shorter than the Lease lasts');
  if (times.retryMs >= times.renewDeadlineMs)
    throw new Error('the pause between attempts must be shorter than the renew deadline');
  return { identity, times, role: 'candidate', seenAtMs: 0, deadlineMs: Number.NEGATIVE_INFINITY, reason: '' };
}

/** The question before every act. */
export function mayAct(election: Election, nowMs: number): boolean {
  return election.role === 'leader' && nowMs < election.deadlineMs;
}

/** The Lease was read; undefined when there is none. */
export function onRead(election: Election, record: LeaseRecord | undefined, nowMs: number): Election {
  const seen = record ?? {
    holder: '',
    durationMs: 0,
    renewTime: '',
    acquireTime: '',
    transitions: 0,
    resourceVersion: '',
  };
  const changed = election.seen?.resourceVersion !== seen.resourceVersion;
  const next: Election = { ...election, seen, seenAtMs: changed ? nowMs : election.seenAtMs };
  if (election.role === 'leader' && seen.holder !== election.identity) {
    return lose(next, `the Lease is held by "${seen.holder}"`);
  }
  return next;
}

/** Our write went through; `sentAtMs` is when it left, which is when the API server cannot have stored it yet. */
export function onWritten(election: Election, record: LeaseRecord, sentAtMs: number, nowMs: number): Election {
  if (election.role === 'lost') return election;
  return {
    ...election,
    role: 'leader',
    seen: record,
    seenAtMs: nowMs,
    deadlineMs: sentAtMs + election.times.renewDeadlineMs,
  };
}

/** What the driver does now. It reads before it writes, except that a leader renews against the version it wrote. */
export function nextAction(
  election: Election,
  last: 'started' | 'read' | 'written' | 'conflict' | 'failed',
  nowMs: number,
): Action {
  if (election.role === 'lost') return { do: 'exit', reason: election.reason };
  if (election.role === 'leader' && nowMs >= election.deadlineMs) {
    return { do: 'exit', reason: `the Lease was not renewed for ${election.times.renewDeadlineMs} ms` };
  }
  if (last === 'written' || last === 'failed') return { do: 'wait', ms: pause(election, nowMs) };
  if (last === 'started' || last === 'conflict') return { do: 'read' };
  return mayTake(election, nowMs) ? write(election) : { do: 'wait', ms: election.times.retryMs };
}

/** After a pause: a leader writes at once, a candidate looks again. */
export function afterPause(election: Election, nowMs: number): Action {
  if (election.role === 'leader' && nowMs < election.deadlineMs) return write(election);
  return nextAction(election, 'started', nowMs);
}

function mayTake(election: Election, nowMs: number): boolean {
  const seen = election.seen;
  if (seen === undefined) return false;
  if (seen.holder === '' || seen.holder === election.identity) return true;
  return nowMs - election.seenAtMs >= seen.durationMs;
}

function write(election: Election): Action {
  const seen = election.seen;
  const renewal = seen?.holder === election.identity;
  return {
    do: 'write',
    holder: election.identity,
    resourceVersion: seen?.resourceVersion ?? '',
    transitions: (seen?.transitions ?? 0) + (renewal || (seen?.resourceVersion ?? '') === '' ? 0 : 1),
    acquireTime: renewal ? seen.acquireTime : '',
  };
}

/** The usual pause, cut short so that a leader's last attempt still falls before its deadline. */
function pause(election: Election, nowMs: number): number {
  const { retryMs } = election.times;
  return election.role === 'leader' ? Math.max(0, Math.min(retryMs, election.deadlineMs - nowMs)) : retryMs;
}

function lose(election: Election, reason: string): Election {
  return { ...election, role: 'lost', deadlineMs: Number.NEGATIVE_INFINITY, reason };
}
