/**
 * A restarted owner of slots is a candidate, not an owner. While it was away its replicas may have become newer than it,
 * and one of them may be about to take over; an owner that simply goes on would undo confirmed writes.
 *
 * So it serves nothing and is silent on the bus, which lets the others call it failed, until
 *  - it learns that its slots were taken (it becomes a replica), or
 *  - every known replica of its shard has reported an offset that is not newer than its own dataset's, or
 *  - it has its dataset and either no election can happen and a bounded wait is over, or the longest wait is over.
 * An owner without its dataset never goes on by itself while a replica has data or has not been heard.
 *
 * Two things leave in spite of the silence: MEET, and its answer to a node that is new here (an operator introduces nodes);
 * and, once the others must have noticed the failure, one ping to each node that has not dialled: it may not know this
 * node's new address.
 *
 * It goes beyond Valkey, where a primary goes on two seconds after its restart.
 */

import { RESTART_WAIT_EXTRA_MS, RESTART_WAIT_MAX_TIMEOUTS, RESTART_WAIT_TIMEOUTS } from './limits.ts';
import { dial } from './links.ts';
import { FAIL, HANDSHAKE, MYSELF, NOADDR, NOFAILOVER } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { BROADCAST_PONG, type ClusterState, called, UPDATE_STATE } from './state.ts';

/** What the node found on its disk at the start. */
export interface RestartedDataset {
  /** A snapshot or log was loaded; false: the node starts empty. */
  readonly loaded: boolean;
  /** The replication offset of what was loaded; 0 when unknown. */
  readonly offset: number;
}

export class RestartRule {
  private readonly state: ClusterState;
  private readonly dataset: RestartedDataset;
  private readonly sinceMs: number;
  /** What replicas of the shard said since the start. */
  private readonly reported = new Map<ClusterNode, number>();
  private readonly heardMs = new Map<ClusterNode, number>();
  /** Nodes that reach this one by themselves. */
  private readonly dialling = new Set<ClusterNode>();
  private readonly greeted = new Set<ClusterNode>();

  /** Null when the node may go on at once. */
  static begin(state: ClusterState, dataset: RestartedDataset): RestartRule | null {
    const { myself } = state;
    if (!myself.isPrimary || myself.slotCount === 0 || myself.replicas.length === 0) return null;
    state.silent = true;
    state.log(
      'notice',
      `Restarted as the owner of ${myself.slotCount} slots with ${myself.replicas.length} known replicas: serving nothing until it is clear that none of them is newer than offset ${dataset.offset}${dataset.loaded ? '' : ' (no dataset was loaded)'}.`,
    );
    return new RestartRule(state, dataset);
  }

  private constructor(state: ClusterState, dataset: RestartedDataset) {
    this.state = state;
    this.dataset = dataset;
    this.sinceMs = state.nowMs;
  }

  /** A packet of a known node came in. */
  onHeard(node: ClusterNode, offset: number, isMeet: boolean): void {
    this.heardMs.set(node, this.state.nowMs);
    if (!isMeet) this.dialling.add(node);
    if (node.isReplica) this.reported.set(node, offset);
  }

  /** Shows itself once to those who may look for it at an old address. */
  greetUnheard(): void {
    const { state } = this;
    if (state.nowMs - this.sinceMs <= state.settings.nodeTimeoutMs) return;
    for (const node of state.nodes.all()) {
      if (node.has(MYSELF | HANDSHAKE | NOADDR) || this.dialling.has(node)) continue;
      if (!this.greeted.has(node)) {
        this.greeted.add(node);
        state.silentGreetings.add(node);
      }
      // The greeting leaves when the link is up; until one was, it is dialled again.
      const due = state.nowMs - node.dialledMs > state.settings.nodeTimeoutMs / 4;
      if (state.silentGreetings.has(node) && node.link === null && due) dial(state, node);
    }
  }

  /** True when the wait is over; the node speaks again. */
  isOver(): boolean {
    const { state } = this;
    const { myself } = state;
    const reason = this.reasonToEnd();
    if (reason === '') return false;
    state.silent = false;
    state.silentGreetings.clear();
    state.log(
      'notice',
      myself.isPrimary
        ? `Resuming as the owner of ${myself.slotCount} slots: ${reason}.`
        : `Not resuming as an owner: ${reason}.`,
    );
    state.later(UPDATE_STATE | BROADCAST_PONG);
    return true;
  }

  private reasonToEnd(): string {
    const { state, dataset } = this;
    const { myself, settings, nowMs } = state;
    if (myself.isReplica || myself.slotCount === 0) return 'the slots belong to another node now';
    if (myself.replicas.length === 0) return 'no replica of this shard is known any more';
    const newer = myself.replicas.filter(
      (replica) => (this.reported.get(replica) ?? Number.POSITIVE_INFINITY) > dataset.offset,
    );
    if (newer.length === 0) return 'no replica is newer';
    if (!dataset.loaded) return '';
    const waitedMs = nowMs - this.sinceMs;
    if (waitedMs > settings.nodeTimeoutMs * RESTART_WAIT_MAX_TIMEOUTS + RESTART_WAIT_EXTRA_MS)
      return `no replica took over in ${waitedMs} ms`;
    if (
      waitedMs > settings.nodeTimeoutMs * RESTART_WAIT_TIMEOUTS + RESTART_WAIT_EXTRA_MS &&
      !this.electionIsPossible(newer)
    ) {
      return `no election is possible and ${waitedMs} ms have passed; not heard or newer: ${newer.map(called).join(', ')}`;
    }
    return '';
  }

  /** A newer replica is there to be elected, and a majority of the voters to elect it. */
  private electionIsPossible(newer: readonly ClusterNode[]): boolean {
    const candidate = newer.some((replica) => this.isHeard(replica) && !replica.has(NOFAILOVER));
    const voters = this.state.nodes.all().filter((node) => node.isVoter);
    const present = voters.filter((node) => !node.isMyself && !node.has(FAIL) && this.isHeard(node)).length;
    return candidate && present >= Math.floor(voters.length / 2) + 1;
  }

  private isHeard(node: ClusterNode): boolean {
    const atMs = this.heardMs.get(node);
    return atMs !== undefined && this.state.nowMs - atMs <= this.state.settings.nodeTimeoutMs * RESTART_WAIT_TIMEOUTS;
  }
}
