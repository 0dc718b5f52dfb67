/**
 * FAILOVER out of cluster mode: a primary hands over to a replica of its own. Writes are held, a replica catches up, and the primary asks it
 * to take over while it becomes its replica. A state machine: what it is told it answers by what is to be done.
 * Source: Valkey 9.1 replication.c failoverCommand, checkClientPauseTimeoutAndReturnIfPaused, handleAbortFailover.
 */

/** As INFO's master_failover_state names them. */
export type FailoverState = 'no-failover' | 'waiting-for-sync' | 'failover-in-progress';

export interface FailoverTarget {
  readonly host: string;
  readonly port: number;
}

export interface FailoverRequest {
  /** Null: whichever replica has caught up first. */
  readonly target: FailoverTarget | null;
  /** When the time is up the target takes over though it has not caught up. */
  readonly force: boolean;
  /** 0: no limit. */
  readonly deadlineMs: number;
}

/** A replica of this node. */
export interface Candidate extends FailoverTarget {
  readonly hasCaughtUp: boolean;
}

export type FailoverAction =
  | { readonly kind: 'wait' }
  | { readonly kind: 'hand-over'; readonly target: FailoverTarget }
  | { readonly kind: 'give-up'; readonly because: string };

export class Failover {
  state: FailoverState = 'no-failover';
  private request: FailoverRequest | null = null;

  get underWay(): boolean {
    return this.state !== 'no-failover';
  }

  /** Begins to wait for a replica. Returns the error. */
  begin(request: FailoverRequest, candidates: readonly Candidate[]): string | null {
    if (this.underWay) return 'ERR FAILOVER already in progress.';
    if (candidates.length === 0) return 'ERR FAILOVER requires connected replicas.';
    const { target } = request;
    if (target !== null && !candidates.some((candidate) => isSame(candidate, target)))
      return 'ERR FAILOVER target HOST and PORT is not a replica.';
    this.request = request;
    this.state = 'waiting-for-sync';
    return null;
  }

  /** Looks at the replicas as they are now. */
  look(candidates: readonly Candidate[], nowMs: number): FailoverAction {
    const { request } = this;
    if (this.state !== 'waiting-for-sync' || request === null) return { kind: 'wait' };
    const { target, force, deadlineMs } = request;
    const ready = candidates.find(
      (candidate) => candidate.hasCaughtUp && (target === null || isSame(candidate, target)),
    );
    if (ready !== undefined) return { kind: 'hand-over', target: { host: ready.host, port: ready.port } };
    if (deadlineMs === 0 || nowMs < deadlineMs) return { kind: 'wait' };
    if (force && target !== null) return { kind: 'hand-over', target };
    return { kind: 'give-up', because: 'no replica caught up in time' };
  }

  /** The node becomes a replica of its target. */
  handingOver(): void {
    this.state = 'failover-in-progress';
  }

  end(): void {
    this.state = 'no-failover';
    this.request = null;
  }
}

function isSame(one: FailoverTarget, other: FailoverTarget): boolean {
  return one.port === other.port && one.host.toLowerCase() === other.host.toLowerCase();
}
