/**
 * The target's half of a migration: apply what the source sends, take over when it grants, clean up when anything fails.
 * Source: Valkey 9.1 (states, messages, conditions and texts).
 */
import { bumpEpoch } from '../epochs.ts';
import { updateHealth } from '../health.ts';
import { BROADCAST_PONG, type ClusterState, HANDLE_MIGRATIONS, SAVE_DURABLY } from '../state.ts';
import { describeJob, type FinalState, type ImportJob, type ImportState, isFinished, isInProgress } from './job.ts';
import { syncSlots } from './messages.ts';
import type { MigrationEffects } from './ports.ts';

export class Importer {
  private readonly state: ClusterState;
  private readonly effects: MigrationEffects;
  private readonly wake: () => void;

  constructor(state: ClusterState, effects: MigrationEffects, wake: () => void) {
    this.state = state;
    this.effects = effects;
    this.wake = wake;
  }

  begin(job: ImportJob): void {
    for (const { start, end } of job.ranges) for (let slot = start; slot <= end; slot++) this.state.purge.finish(slot);
    this.setHidden(job, true);
    this.state.log('notice', `New slot import job created: ${describeJob(job)}.`);
  }

  /** A message of the source. */
  onMessage(job: ImportJob, message: string): void {
    if (message === 'ACK') {
      job.ackedMs = this.state.nowMs;
      if (job.state === 'waiting-for-ack') this.move(job, 'receiving-snapshot');
    } else if (message === 'SNAPSHOT-EOF' && job.state === 'receiving-snapshot') {
      this.state.log(
        'notice',
        `Slot migration ${describeJob(job)} successfully received slot snapshot. Beginning incremental stream...`,
      );
      this.send(job, 'REQUEST-PAUSE');
      this.move(job, 'waiting-for-paused');
    } else if (message === 'PAUSED' && job.state === 'waiting-for-paused') {
      this.send(job, 'REQUEST-FAILOVER');
      this.move(job, 'failover-requested');
    } else if (message === 'FAILOVER-GRANTED' && job.state === 'failover-requested') {
      this.move(job, 'failover-granted');
      this.state.later(HANDLE_MIGRATIONS);
    } else {
      this.state.log(
        'warning',
        `Received unexpected CLUSTER SYNCSLOTS ${message} for slot migration ${describeJob(job)} in state ${job.state}. Failing migration.`,
      );
      this.finish(job, 'failed', 'Unexpected state machine transition');
    }
  }

  run(job: ImportJob): void {
    if (job.state === 'failover-granted') this.takeOver(job);
    else if (job.state === 'cleaning-up') this.cleanUp(job);
  }

  /** Messages leave outside of the source's own command, whose reply is dropped. */
  flush(job: ImportJob): void {
    for (const bytes of job.outgoing.splice(0)) job.link?.send(bytes);
  }

  send(job: ImportJob, message: string): void {
    job.outgoing.push(syncSlots(message));
    this.wake();
  }

  private takeOver(job: ImportJob): void {
    const { state } = this;
    bumpEpoch(state);
    for (const { start, end } of job.ranges)
      for (let slot = start; slot <= end; slot++) state.moveSlot(slot, state.myself);
    updateHealth(state);
    state.later(SAVE_DURABLY | BROADCAST_PONG);
    state.log(
      'notice',
      `Slot migration ${describeJob(job)} completed successfully. This node is now the owner of the slots`,
    );
    this.finish(job, 'success', '');
  }

  /** Keys that came with the failed migration go; the end of it is told to replicas only then. */
  private cleanUp(job: ImportJob): void {
    const { slots, purge } = this.state;
    let left = 0;
    for (const { start, end } of job.ranges) {
      for (let slot = start; slot <= end; slot++) {
        if (!slots.myselfOwns(slot)) purge.add(slot);
        if (purge.has(slot)) left++;
      }
    }
    if (left === 0) this.conclude(job, 'failed');
    else this.wake();
  }

  onSourceGone(job: ImportJob): void {
    job.link = null;
    if (!isInProgress(job) || job.trackingOnly) return;
    this.finish(
      job,
      'failed',
      'Connection lost to source. Check CLUSTER GETSLOTMIGRATIONS on the source node for more information.',
    );
  }

  /** The slots changed hands by other means, or this node is no primary any more. */
  checkOwnership(job: ImportJob): void {
    if (!isInProgress(job)) return;
    const { state } = this;
    if (!state.myself.isPrimary) {
      // The new primary knows of the import by the replication stream and will end it.
      if (job.trackingOnly) return;
      job.trackingOnly = true;
      this.closeLink(job);
      this.move(job, 'occurring-on-primary');
      return;
    }
    if (job.source === '') return;
    const owners = new Set<string>();
    for (const { start, end } of job.ranges)
      for (let slot = start; slot <= end; slot++) owners.add(state.ownerOf(slot)?.name ?? '');
    if (owners.size === 1 && owners.has(job.source)) return;
    const mine = owners.size === 1 && owners.has(state.myself.name);
    this.finish(
      job,
      'failed',
      mine ? 'Slots were unexpectedly assigned to myself during import' : 'Slots are no longer owned by source node',
    );
  }

  finish(job: ImportJob, state: FinalState, message: string): void {
    if (isFinished(job) || job.state === 'cleaning-up') return;
    job.message = message;
    this.closeLink(job);
    if (state !== 'success' && this.state.myself.isPrimary) {
      this.move(job, 'cleaning-up');
      this.state.later(HANDLE_MIGRATIONS);
      return;
    }
    this.conclude(job, state);
  }

  private conclude(job: ImportJob, state: FinalState): void {
    this.move(job, state);
    this.state.log(
      state === 'failed' ? 'warning' : 'notice',
      `Slot migration ${describeJob(job)} finished. State: ${state}, Message: ${job.message || 'none'}`,
    );
    this.setHidden(job, false);
    if (!this.state.myself.isPrimary) return;
    const words = [
      'CLUSTER',
      'SYNCSLOTS',
      'FINISH',
      'STATE',
      state === 'success' ? 'SUCCESS' : 'FAILED',
      'NAME',
      job.name,
    ];
    this.effects.propagate(job.message === '' ? words : [...words, 'MESSAGE', job.message]);
  }

  private closeLink(job: ImportJob): void {
    job.outgoing.length = 0;
    job.link?.close();
    job.link = null;
  }

  private setHidden(job: ImportJob, hidden: boolean): void {
    for (const { start, end } of job.ranges)
      for (let slot = start; slot <= end; slot++) this.effects.hideSlot(slot, hidden);
  }

  mayAck(job: ImportJob): boolean {
    return job.link !== null && job.state !== 'waiting-for-ack' && job.state !== 'occurring-on-primary';
  }

  private move(job: ImportJob, state: ImportState | FinalState): void {
    this.state.log('notice', `Slot migration ${describeJob(job)} state transition: ${job.state} -> ${state}`);
    job.state = state;
    job.updatedMs = this.state.nowMs;
  }
}
