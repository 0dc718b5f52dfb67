/**
 * The source's half of a migration: connect, establish, send the snapshot and the writes since, pause, hand over.
 * Source: Valkey 9.1 (states, messages, conditions and texts). Snapshot and writes are pulled while the connection has room.
 */
import { OPERATION_TIMEOUT_MS, PAUSE_FACTOR } from '../limits.ts';
import type { ClusterState } from '../state.ts';
import { covers, describeJob, type ExportJob, type ExportState, type FinalState, isInProgress } from './job.ts';
import { CAUGHT_UP_BYTES, MAX_UNSENT_BYTES, MAX_WRITES_BYTES, WRITES_PIECE_BYTES } from './limits.ts';
import {
  BadMessage,
  command,
  establishWords,
  MAX_MESSAGE_BYTES,
  parseCommand,
  parseReply,
  syncSlots,
} from './messages.ts';
import type { MigrationEffects } from './ports.ts';

export class Exporter {
  private readonly state: ClusterState;
  private readonly effects: MigrationEffects;
  /** Something a job waits for happened: run it behind the event in progress. */
  private readonly wake: () => void;
  private readonly onFinished: () => void;

  constructor(state: ClusterState, effects: MigrationEffects, wake: () => void, onFinished: () => void) {
    this.state = state;
    this.effects = effects;
    this.wake = wake;
    this.onFinished = onFinished;
  }

  connect(job: ExportJob): void {
    const target = this.state.nodes.find(job.target);
    if (target === null) {
      this.finish(job, 'failed', 'Unable to connect to target node: target node not found');
      return;
    }
    this.state.log('notice', `Connecting slot migration ${describeJob(job)} (ip: ${target.ip}, port ${target.port})`);
    this.effects.targets.connect(job.name, target.ip, target.port);
  }

  onUp(job: ExportJob): void {
    if (job.state !== 'connecting') return;
    job.connected = true;
    const { primaryAuth, primaryUser } = this.state.settings;
    if (primaryAuth === '') {
      this.establish(job);
      return;
    }
    this.send(job, command(primaryUser === '' ? ['AUTH', primaryAuth] : ['AUTH', primaryUser, primaryAuth]));
    this.move(job, 'reading-auth-response');
  }

  private establish(job: ExportJob): void {
    this.send(job, command(establishWords(job.source, job.name, job.ranges)));
    this.move(job, 'reading-establish-response');
  }

  onDown(job: ExportJob, reason: string): void {
    const wasConnected = job.connected;
    job.connected = false;
    if (!isInProgress(job)) return;
    this.state.log('notice', `Slot migration ${describeJob(job)} connection lost: ${reason}`);
    // After the grant the target may have taken over: the pause goes on until that is known, or ends.
    if (job.state === 'failover-granted') return;
    if (!wasConnected) this.finish(job, 'failed', `Unable to connect to target node: ${reason}`);
    else
      this.finish(
        job,
        'failed',
        'Connection lost to target. Check CLUSTER GETSLOTMIGRATIONS on the target node for more information.',
      );
  }

  onBytes(job: ExportJob, bytes: Uint8Array): void {
    if (!isInProgress(job)) return;
    const received = new Uint8Array(job.received.length + bytes.length);
    received.set(job.received);
    received.set(bytes, job.received.length);
    job.received = received;
    try {
      while (isInProgress(job) && this.takeMessage(job));
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.finish(job, 'failed', `Unexpected bytes from the target: ${error.message}`);
    }
    if (job.received.length > MAX_MESSAGE_BYTES)
      this.finish(job, 'failed', 'Response to establish job is larger than buffer limit');
  }

  private takeMessage(job: ExportJob): boolean {
    if (job.received.length === 0) return false;
    if (job.state === 'reading-auth-response' || job.state === 'reading-establish-response') {
      const reply = parseReply(job.received);
      if (reply === null) return false;
      job.received = job.received.slice(reply.length);
      this.onReply(job, reply.text);
      return true;
    }
    const message = parseCommand(job.received);
    if (message === null) return false;
    job.received = job.received.slice(message.length);
    this.onMessage(job, message.words.slice(2).join(' ').toUpperCase());
    return true;
  }

  private onReply(job: ExportJob, text: string): void {
    const failed = text.startsWith('-');
    if (job.state === 'reading-auth-response') {
      if (failed) this.finish(job, 'failed', `Failed to AUTH to target node: ${text}`);
      else this.establish(job);
      return;
    }
    if (failed) {
      this.finish(job, 'failed', `Received error during handshake to target: ${text}\r\n`);
      return;
    }
    job.ackedMs = this.state.nowMs;
    this.move(job, 'waiting-to-snapshot');
    this.send(job, syncSlots('ACK'));
    this.wake();
  }

  private onMessage(job: ExportJob, message: string): void {
    if (message === 'ACK') {
      job.ackedMs = this.state.nowMs;
      return;
    }
    if (message === 'REQUEST-PAUSE' && job.state === 'replicating') {
      this.move(job, 'waiting-to-pause');
      this.tryPause(job);
    } else if (message === 'REQUEST-FAILOVER' && job.state === 'failover-paused') this.grant(job);
    else {
      this.state.log(
        'warning',
        `Received unexpected CLUSTER SYNCSLOTS ${message} for slot migration ${describeJob(job)} in state ${job.state}. Failing migration.`,
      );
      this.finish(job, 'failed', 'Unexpected state machine transition');
    }
  }

  /** Every tick, when the connection drained, when bytes became ready. */
  run(job: ExportJob): void {
    const { nowMs } = this.state;
    switch (job.state) {
      case 'waiting-to-snapshot':
        this.beginSnapshot(job);
        break;
      case 'snapshotting':
      case 'replicating':
        this.pump(job);
        break;
      case 'waiting-to-pause':
        this.tryPause(job);
        break;
      case 'failover-paused':
        this.pump(job);
        if (nowMs > job.pausedUntilMs) this.finish(job, 'failed', 'Timed out before streaming completed');
        break;
      case 'failover-granted':
        if (nowMs <= job.pausedUntilMs) break;
        this.state.log(
          'warning',
          `Write loss risk! During slot migration ${describeJob(job)}, new owner did not broadcast ownership before we unpaused ourselves. Any writes we have recorded since unpausing may be lost!`,
        );
        this.finish(
          job,
          'failed',
          'Unpaused before migration completed (migration may have succeeded with lost writes)',
        );
        break;
    }
  }

  private beginSnapshot(job: ExportJob): void {
    if (job.snapshot !== null) return;
    const snapshot = this.effects.snapshots.begin(job.ranges, this.wake);
    if (typeof snapshot === 'string') {
      this.state.log('verbose', `Slot migration ${describeJob(job)} waiting before snapshotting: ${snapshot}`);
      return;
    }
    job.snapshot = snapshot;
    job.writes = this.effects.writes.follow(job.ranges, MAX_WRITES_BYTES, this.wake);
    this.state.log('notice', `Beginning snapshot of slot migration ${describeJob(job)}.`);
    this.move(job, 'snapshotting');
    this.pump(job);
  }

  /** Sends what is ready while the connection has room. */
  private pump(job: ExportJob): void {
    while (isInProgress(job) && this.effects.targets.unsentBytes(job.name) < MAX_UNSENT_BYTES) {
      const piece = job.state === 'snapshotting' ? this.nextOfSnapshot(job) : this.nextWrites(job);
      if (piece === null) return;
      this.send(job, piece);
    }
  }

  private nextOfSnapshot(job: ExportJob): Uint8Array | null {
    const snapshot = job.snapshot!;
    const piece = snapshot.take();
    if (piece !== null) return piece;
    if (snapshot.failure !== '') {
      this.finish(job, 'failed', 'Failed to perform snapshot');
      this.state.log('warning', `Slot migration ${describeJob(job)}: snapshot failed: ${snapshot.failure}`);
      return null;
    }
    if (!snapshot.done) return null;
    snapshot.close();
    job.snapshot = null;
    this.state.log('notice', `Slot migration ${describeJob(job)} snapshot finished, starting streaming.`);
    job.ackedMs = this.state.nowMs;
    this.move(job, 'replicating');
    return syncSlots('SNAPSHOT-EOF');
  }

  private nextWrites(job: ExportJob): Uint8Array | null {
    const { writes } = job;
    if (writes === null) return null;
    if (writes.failure === '') return writes.take(WRITES_PIECE_BYTES);
    this.state.log('warning', `Slot migration ${describeJob(job)}: ${writes.failure}`);
    this.finish(job, 'failed', 'Output buffer limit exceeded');
    return null;
  }

  /** Bytes that the target has not got. */
  remainingBytes(job: ExportJob): number {
    return (job.writes?.pendingBytes ?? 0) + (job.connected ? this.effects.targets.unsentBytes(job.name) : 0);
  }

  /** Holds all writes once the target has nearly caught up: what was written until now is sent before PAUSED. */
  private tryPause(job: ExportJob): void {
    if (job.state !== 'waiting-to-pause') return;
    const limit = this.state.settings.slotMigrationMaxFailoverReplBytes;
    this.pump(job);
    if (!isInProgress(job) || (limit >= 0 && this.remainingBytes(job) > Math.max(limit, CAUGHT_UP_BYTES))) return;
    const untilMs = this.state.nowMs + this.state.settings.manualFailoverTimeoutMs * PAUSE_FACTOR;
    this.state.log(
      'notice',
      `Pausing writes (remaining_repl_size is ${this.remainingBytes(job)}) to allow slot migration ${describeJob(job)} to finalize failover.`,
    );
    this.pauseUntil(job, untilMs);
    this.sendAllWrites(job);
    if (!isInProgress(job)) return;
    this.send(job, syncSlots('PAUSED'));
    this.move(job, 'failover-paused');
  }

  private grant(job: ExportJob): void {
    const { nowMs } = this.state;
    if (nowMs > job.pausedUntilMs) {
      this.finish(job, 'failed', 'Unpaused before failover completed');
      return;
    }
    // The news of the takeover needs time to arrive.
    if (job.pausedUntilMs < nowMs + OPERATION_TIMEOUT_MS) this.pauseUntil(job, nowMs + OPERATION_TIMEOUT_MS);
    this.sendAllWrites(job);
    if (!isInProgress(job)) return;
    this.send(job, syncSlots('FAILOVER-GRANTED'));
    this.move(job, 'failover-granted');
  }

  /** Nothing is written after the pause began, so this ends. */
  private sendAllWrites(job: ExportJob): void {
    for (let piece = this.nextWrites(job); piece !== null; piece = this.nextWrites(job)) this.send(job, piece);
  }

  private pauseUntil(job: ExportJob, untilMs: number): void {
    job.pausedUntilMs = untilMs;
    this.state.effects.pauseWrites('slot-migration', untilMs);
  }

  /** The slots changed hands: done, or taken away. */
  checkOwnership(job: ExportJob): void {
    if (!isInProgress(job)) return;
    const owners = new Set<string>();
    for (const { start, end } of job.ranges)
      for (let slot = start; slot <= end; slot++) owners.add(this.state.ownerOf(slot)?.name ?? '');
    const [owner] = owners;
    if (owners.size === 1 && owner === this.state.myself.name && this.state.myself.isPrimary) return;
    if (owners.size === 1 && owner === job.target) {
      this.state.log('notice', `Slot migration ${describeJob(job)} slots are now owned by target node.`);
      this.finish(job, 'success', '');
    } else this.finish(job, 'failed', 'Slots are no longer owned by myself');
  }

  isGranted(job: ExportJob, slot: number): boolean {
    return job.state === 'failover-granted' && covers(job.ranges, slot);
  }

  mayAck(job: ExportJob): boolean {
    return (
      job.connected &&
      (job.state === 'waiting-to-snapshot' ||
        job.state === 'replicating' ||
        job.state === 'waiting-to-pause' ||
        job.state === 'failover-paused')
    );
  }

  send(job: ExportJob, bytes: Uint8Array): void {
    if (job.connected) this.effects.targets.send(job.name, bytes);
  }

  private move(job: ExportJob, state: ExportState | FinalState): void {
    this.state.log('notice', `Slot migration ${describeJob(job)} state transition: ${job.state} -> ${state}`);
    job.state = state;
    job.updatedMs = this.state.nowMs;
  }

  finish(job: ExportJob, state: FinalState, message: string): void {
    if (!isInProgress(job)) return;
    job.message = message;
    job.pausedUntilMs = 0;
    job.snapshot?.close();
    job.snapshot = null;
    job.writes?.close();
    job.writes = null;
    job.received = new Uint8Array(0);
    this.effects.targets.close(job.name);
    job.connected = false;
    this.move(job, state);
    this.state.log(
      state === 'failed' ? 'warning' : 'notice',
      `Slot migration ${describeJob(job)} finished. State: ${state}, Message: ${message || 'none'}`,
    );
    this.onFinished();
  }
}
