/**
 * All slot migrations of a node, running and ended, and the commands about them.
 * The two machines are source.ts and target.ts; this file starts, times, cancels and lists them.
 * Source: Valkey 9.1 (`CLUSTER MIGRATESLOTS` and its kin).
 */
import type { SlotRange } from '../slot-map.ts';
import { type ClusterState, HANDLE_MIGRATIONS, type MigrationHooks } from '../state.ts';
import {
  covers,
  describeJob,
  type ExportJob,
  type ImportJob,
  isFinished,
  isInProgress,
  type Job,
  overlap,
} from './job.ts';
import { ACK_INTERVAL_MS } from './limits.ts';
import { establishWords, syncSlots } from './messages.ts';
import type { MigrationEffects, SourceLink } from './ports.ts';
import { Exporter } from './source.ts';
import { Importer } from './target.ts';

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** One clause of CLUSTER MIGRATESLOTS. */
export interface MigrationOrder {
  readonly ranges: readonly SlotRange[];
  readonly target: string;
}

export interface Establishment {
  readonly source: string;
  readonly job: string;
  readonly ranges: readonly SlotRange[];
}

export class Migrations implements MigrationHooks {
  private readonly state: ClusterState;
  private readonly effects: MigrationEffects;
  private readonly exporter: Exporter;
  private readonly importer: Importer;
  /** Newest first. */
  private jobs: Job[] = [];

  constructor(state: ClusterState, effects: MigrationEffects) {
    this.state = state;
    this.effects = effects;
    const wake = (): void => state.effects.runSoon();
    this.exporter = new Exporter(state, effects, wake, () => this.resumeWritesIfNoneWaits());
    this.importer = new Importer(state, effects, wake);
    state.migrations = this;
  }

  list(): readonly Job[] {
    return this.jobs;
  }

  remainingBytes(job: Job): number {
    return job.operation === 'EXPORT' ? this.exporter.remainingBytes(job) : 0;
  }

  private exports(): ExportJob[] {
    return this.jobs.filter((job) => job.operation === 'EXPORT');
  }

  private imports(): ImportJob[] {
    return this.jobs.filter((job) => job.operation === 'IMPORT');
  }

  // --- Source --------------------------------------------------------------------------------------------------------

  /** Why no migration may start here now, or null. */
  refusal(): string | null {
    const { state } = this;
    if (!state.myself.isPrimary) return 'ERR Slot migration can only be used on primary nodes.';
    if (state.slots.anyImporting) return 'ERR Slots are being manually imported';
    if (state.slots.anyMigrating) return 'ERR Slots are being manually migrated';
    return null;
  }

  /** Checks a clause against the slot map, running migrations and earlier clauses. */
  checkOrder(order: MigrationOrder, earlier: readonly MigrationOrder[]): string | null {
    const { state } = this;
    for (const { start, end } of order.ranges) {
      for (let slot = start; slot <= end; slot++)
        if (this.isExporting(slot)) return `ERR I am already migrating slot ${slot}.`;
    }
    if (earlier.some(({ ranges }) => overlap(ranges, order.ranges))) return 'ERR Slot ranges in migrations overlap';
    const target = state.nodes.find(order.target);
    if (target === null) return `ERR Unknown node name: ${order.target}`;
    if (target.isMyself) return 'ERR Target node can not be this node.';
    return null;
  }

  start(orders: readonly MigrationOrder[]): void {
    for (const { ranges, target } of orders) {
      const { nowMs } = this.state;
      const job: ExportJob = {
        operation: 'EXPORT',
        name: this.state.randomName(),
        ranges,
        source: this.state.myself.name,
        target,
        createdMs: nowMs,
        updatedMs: nowMs,
        ackedMs: nowMs,
        sentAckMs: nowMs,
        message: '',
        state: 'connecting',
        pausedUntilMs: 0,
        connected: false,
        received: NO_BYTES,
        snapshot: null,
        writes: null,
      };
      this.jobs.unshift(job);
      this.state.log('notice', `Slot migration initiated through CLUSTER MIGRATESLOTS command: ${describeJob(job)}`);
      this.exporter.connect(job);
    }
  }

  /** CLUSTER CANCELSLOTMIGRATIONS. */
  cancel(): string | null {
    if (!this.anyExport()) return 'ERR No migrations ongoing';
    for (const job of this.exports()) this.exporter.finish(job, 'cancelled', '');
    this.state.log('notice', 'Canceled all in progress slot migrations');
    return null;
  }

  private exportNamed(name: string): ExportJob | null {
    return this.exports().find((job) => job.name === name) ?? null;
  }

  onTargetUp(name: string): void {
    const job = this.exportNamed(name);
    if (job !== null) this.exporter.onUp(job);
  }

  onTargetDown(name: string, reason: string): void {
    const job = this.exportNamed(name);
    if (job !== null) this.exporter.onDown(job, reason);
  }

  onTargetBytes(name: string, bytes: Uint8Array): void {
    const job = this.exportNamed(name);
    if (job !== null) this.exporter.onBytes(job, bytes);
  }

  onTargetDrained(name: string): void {
    const job = this.exportNamed(name);
    if (job !== null) this.exporter.run(job);
  }

  private resumeWritesIfNoneWaits(): void {
    if (this.exports().every((job) => job.pausedUntilMs === 0)) this.state.effects.resumeWrites('slot-migration');
  }

  // --- Target --------------------------------------------------------------------------------------------------------

  /** Checks SYNCSLOTS ESTABLISH from another node. `owner`: of all its slots. */
  checkEstablishment(request: Establishment, ownerName: string): string | null {
    const source = this.state.nodes.find(request.source);
    if (source === null) return 'ERR Target node does not know the source node';
    if (source.isMyself) return 'ERR Source node is target node itself';
    const busy = this.checkNotImporting(request.ranges);
    if (busy !== null) return busy;
    return source.name === ownerName ? null : 'ERR Target node does not agree about current slot ownership';
  }

  checkNotImporting(ranges: readonly SlotRange[]): string | null {
    for (const { start, end } of ranges) {
      for (let slot = start; slot <= end; slot++) {
        if (this.isImporting(slot)) return 'ERR Slot is already being imported on the target by a different migration';
      }
    }
    return null;
  }

  /** A checked ESTABLISH: the +OK is the caller's to write. */
  establish(request: Establishment, link: SourceLink): ImportJob {
    const job = this.addImport(request.job, request.ranges, request.source, link);
    this.effects.propagate(establishWords(request.source, request.job, request.ranges));
    return job;
  }

  /** An import that runs on this node's primary, or that a snapshot or log tells of. */
  track(name: string, ranges: readonly SlotRange[]): void {
    if (this.imports().some((job) => job.name === name && !isFinished(job))) return;
    this.addImport(name, ranges, '', null);
  }

  private addImport(name: string, ranges: readonly SlotRange[], source: string, link: SourceLink | null): ImportJob {
    const { nowMs, myself } = this.state;
    const job: ImportJob = {
      operation: 'IMPORT',
      name,
      ranges,
      source,
      target: link === null ? '' : myself.name,
      createdMs: nowMs,
      updatedMs: nowMs,
      ackedMs: nowMs,
      sentAckMs: nowMs,
      message: '',
      state: link === null ? 'occurring-on-primary' : 'waiting-for-ack',
      link,
      trackingOnly: link === null,
      outgoing: [],
    };
    this.jobs.unshift(job);
    this.importer.begin(job);
    return job;
  }

  /** The import of this connection, or null. */
  importOf(link: SourceLink): ImportJob | null {
    return this.imports().find((job) => job.link === link) ?? null;
  }

  onSourceMessage(job: ImportJob, message: string): void {
    if ((job.link?.failedCommands ?? 0) > 0) {
      this.onSourceCommandFailed(job);
      return;
    }
    this.importer.onMessage(job, message);
  }

  /** A command that the source sent could not be carried out. */
  onSourceCommandFailed(job: ImportJob): void {
    if (isInProgress(job))
      this.importer.finish(
        job,
        'failed',
        'Failed to process command during slot migration. Check logs for more information',
      );
  }

  onSourceGone(link: SourceLink): void {
    const job = this.importOf(link);
    if (job !== null) this.importer.onSourceGone(job);
  }

  /** SYNCSLOTS FINISH from this node's primary or a log. Returns the error to reply, or null. */
  finishTracked(name: string, success: boolean, message: string): string | null {
    const job = this.imports().find((one) => one.name === name);
    if (job === undefined) return 'ERR No such slot migration job';
    this.importer.finish(job, success ? 'success' : 'failed', message);
    return null;
  }

  /** For snapshots of the dataset: imports that are not over (RDB opcode 243). */
  openImports(): readonly { readonly name: string; readonly ranges: readonly SlotRange[] }[] {
    return this.imports().filter((job) => !isFinished(job));
  }

  /** This node takes another's dataset over: imports that it knew of are void. */
  onFullSync(): void {
    this.failImports('Full resynchronization occurred');
  }

  private failImports(reason: string): void {
    for (const job of this.imports()) if (isInProgress(job)) this.importer.finish(job, 'failed', reason);
  }

  // --- Both ----------------------------------------------------------------------------------------------------------

  isExporting(slot: number): boolean {
    return this.jobs.some((job) => job.operation === 'EXPORT' && !isFinished(job) && covers(job.ranges, slot));
  }

  isImporting(slot: number): boolean {
    return this.jobs.some((job) => job.operation === 'IMPORT' && !isFinished(job) && covers(job.ranges, slot));
  }

  isGranted(slot: number): boolean {
    return this.jobs.some((job) => job.operation === 'EXPORT' && this.exporter.isGranted(job, slot));
  }

  anyExport(): boolean {
    return this.exports().some((job) => !isFinished(job));
  }

  anyImport(): boolean {
    return this.imports().some((job) => !isFinished(job));
  }

  onExportedSlotsChanged(): void {
    for (const job of this.exports()) this.exporter.checkOwnership(job);
  }

  onImportedSlotsChanged(): void {
    for (const job of this.imports()) this.importer.checkOwnership(job);
  }

  onPromotion(): void {
    this.failImports('A failover occurred during slot import');
    for (const job of this.imports()) this.importer.run(job);
  }

  onFlush(): void {
    for (const job of this.exports()) if (isInProgress(job)) this.exporter.finish(job, 'failed', 'Data was flushed');
    this.failImports('Data was flushed');
  }

  /** A tick, or something happened that a job waits for. */
  run(): void {
    for (const job of this.jobs) {
      if (isFinished(job)) continue;
      if (this.isSilent(job)) {
        this.state.log('warning', `Timing out slot migration ${describeJob(job)} after not receiving ack for too long`);
        this.fail(job, 'Timed out after too long with no interaction');
        this.state.later(HANDLE_MIGRATIONS);
        continue;
      }
      if (job.operation === 'IMPORT' && (job.link?.failedCommands ?? 0) > 0) this.onSourceCommandFailed(job);
      if (job.operation === 'EXPORT') this.exporter.run(job);
      else {
        this.importer.run(job);
        this.importer.flush(job);
      }
      this.ackIfDue(job);
    }
    this.trimLog();
  }

  private fail(job: Job, message: string): void {
    if (job.operation === 'EXPORT') this.exporter.finish(job, 'failed', message);
    else this.importer.finish(job, 'failed', message);
  }

  /** After the grant the pause bounds the wait. */
  private isSilent(job: Job): boolean {
    if (
      !isInProgress(job) ||
      job.state === 'occurring-on-primary' ||
      (job.operation === 'EXPORT' && job.state === 'failover-granted')
    )
      return false;
    const lastMs = job.operation === 'EXPORT' ? job.ackedMs : (job.link?.lastInteractionMs ?? job.ackedMs);
    return this.state.nowMs - lastMs > this.state.settings.replicationTimeoutMs;
  }

  private ackIfDue(job: Job): void {
    const { nowMs } = this.state;
    if (!isInProgress(job) || nowMs - job.sentAckMs < ACK_INTERVAL_MS) return;
    if (job.operation === 'EXPORT') {
      if (!this.exporter.mayAck(job)) return;
      this.exporter.send(job, syncSlots('ACK'));
    } else {
      if (!this.importer.mayAck(job)) return;
      job.link!.send(syncSlots('ACK'));
    }
    job.sentAckMs = nowMs;
  }

  /** The oldest ended jobs go first. */
  private trimLog(): void {
    let extra = this.jobs.length - this.state.settings.slotMigrationLogMaxLen;
    if (extra <= 0) return;
    this.jobs = this.jobs
      .toReversed()
      .filter((job) => !(isFinished(job) && extra-- > 0))
      .toReversed();
  }
}
