/**
 * Wires the append-only file: what the write log holds goes to the newest increment before the replies of a turn leave, a rewrite replaces
 * all of them by a snapshot of one moment and the increment that begins with it, and a start reads them back.
 * Source of files, directives and texts: Valkey 9.1 aof.c.
 *
 * An increment is the replication stream as it is: SELECT, MULTI and EXEC are among it, and an idle primary's PINGs, which a reader passes over.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../commands/client.ts';
import { STREAM_CLIENT } from '../commands/client.ts';
import { PAUSE_WRITES } from '../commands/clients.ts';
import type { AppendOnlyRoom } from '../commands/replication-room.ts';
import type { InfoSection } from '../commands/rooms.ts';
import type { Node, Part } from '../node.ts';
import {
  type AofManifest,
  dropped,
  EMPTY_MANIFEST,
  formatManifest,
  nextBase,
  nextIncrement,
  parseManifest,
} from '../persistence/aof-manifest.ts';
import type { Snapshot } from '../persistence/snapshot.ts';
import { RequestParser } from '../protocol/parser.ts';
import { StreamApplier } from '../replication/stream-applier.ts';
import type { LogReader, ReaderOwner, WriteLog } from '../replication/write-log.ts';
import { AppendFile, removeFile, syncFolder } from '../storage/append-file.ts';
import { readPieces } from '../storage/rdb-file.ts';
import { saveSnapshot } from '../storage/saving.ts';
import { replaceFile } from '../storage/whole-file.ts';
import { SavePace } from './save-pace.ts';

/** appendfsync everysec. */
const SYNC_PERIOD_MS = 1000;
/** After a rewrite failed the next comes so much later, twice as late each time. */
const RETRY_FIRST_MS = 60_000;
const RETRY_MAX_MS = 3_600_000;
const RELOAD_PAUSE = 'debug loadaof';
const ERR_RELOAD = 'ERR Error trying to load the AOF files, check server logs.';
const STOP_PAUSE = 'append-only file';
const NAME = 'the append-only file';

/** What it needs of the part that reads and writes snapshots. */
export interface SnapshotFiles {
  /** Loads an RDB file into the empty keyspace; the problem or null. */
  loadBase(path: string): Promise<string | null>;
  openSnapshot(): Snapshot;
  /** The RDB file is being written: a rewrite waits, so that the disk and the memory of only one of them are needed. */
  readonly isSaving: boolean;
  /** CONFIG's dir. */
  readonly directory: string;
  /** The RDB file. */
  readonly path: string;
}

export class AppendOnlyPart implements Part, ReaderOwner, AppendOnlyRoom {
  /** Told when bytes have become lasting: waits may be over. */
  onDurable: (() => void) | null = null;
  private readonly node: Node;
  private readonly files: SnapshotFiles;
  private readonly log: WriteLog;
  /** False while only a part of the dataset is here. */
  private readonly isComplete: () => boolean;
  private manifest: AofManifest = EMPTY_MANIFEST;
  private file: AppendFile | null = null;
  private reader: LogReader | null = null;
  private started = false;
  /** The dataset is another one than the files': a rewrite must come first. */
  private stale = true;
  private rewriting: Promise<string | null> | null = null;
  private rewriteBeganMs = 0;
  private lastRewriteMs = -1;
  private lastRewriteFailed = false;
  private rewrites = 0;
  private failuresInARow = 0;
  private retryAtMs = 0;
  private scheduled = false;
  private cancelReason = '';
  /** Bytes of the base, and of all files when the last rewrite ended. */
  private baseBytes = 0;
  private sizeAtRewrite = 0;
  /** Of increments before the newest. */
  private olderBytes = 0;
  private writeFailure = '';
  private unsynced = false;
  private syncing: Promise<void> | null = null;
  private lastSyncMs = 0;
  private durable = -1;

  constructor(node: Node, files: SnapshotFiles, log: WriteLog, isComplete: () => boolean) {
    this.node = node;
    this.files = files;
    this.log = log;
    this.isComplete = isComplete;
    node.rooms.appendOnly = this;
    node.turnEnders.add(() => this.pumpInTurn());
    node.settings.watch('appendonly', () => {
      if (this.started) this.followSetting();
    });
    const described = node.rooms.infoSections.get('persistence');
    node.rooms.infoSections.set('persistence', (add) => {
      described?.(add);
      this.describe(add);
    });
    // Before the RDB file is saved at the end.
    node.parts.unshift({ beforeStop: async () => this.stopRefusal() });
    node.parts.push(this);
  }

  get wanted(): boolean {
    return this.node.settings.flag('appendonly');
  }

  private pumpInTurn(): void {
    if (this.file === null) return;
    const { accounting, traffic } = this.node;
    const beganMicros = accounting.nowMicros;
    this.pump();
    traffic.appendMicros += accounting.nowMicros - beganMicros;
  }

  private get folder(): string {
    return join(this.files.directory, this.node.settings.text('appenddirname'));
  }

  private get prefix(): string {
    return this.node.settings.text('appendfilename');
  }

  private get manifestPath(): string {
    return join(this.folder, `${this.prefix}.manifest`);
  }

  // --- Reading at the start --------------------------------------------------------------------------------------------

  /** Loads what the manifest names; false when there is none, and the RDB file is to be looked for. `insteadOfRdb`: also where that file may be newer. Throws what is wrong. */
  async read(insteadOfRdb = false): Promise<boolean> {
    const { node, manifestPath } = this;
    if (!existsSync(manifestPath)) {
      node.log('notice', `No ${manifestPath}: the append-only file begins with the dataset as it is`);
      return false;
    }
    this.manifest = parseManifest(readFileSync(manifestPath, 'latin1'), manifestPath);
    const { base, increments } = this.manifest;
    if (base === null && increments.length === 0) return false;
    if (increments.length === 0 && !insteadOfRdb && existsSync(this.files.path)) {
      // BGREWRITEAOF without appendonly leaves a base that nothing followed: the RDB file may be newer.
      node.log('warning', `${manifestPath} names no increment: it is passed over for ${this.files.path}`);
      this.manifest = EMPTY_MANIFEST;
      return false;
    }
    const errors = node.accounting.errors.total;
    if (base !== null) await this.loadFile(base.name, increments.length === 0);
    for (const [index, { name }] of increments.entries()) await this.loadFile(name, index === increments.length - 1);
    const failed = node.accounting.errors.total - errors;
    if (failed > 0) node.log('warning', `${failed} commands of the append-only file ended in an error`);
    node.accounting.reset();
    this.stale = false;
    return true;
  }

  private async loadFile(name: string, isLast: boolean): Promise<void> {
    const path = join(this.folder, name);
    if (name.endsWith('.rdb')) {
      const problem = await this.files.loadBase(path);
      if (problem !== null) throw new Error(problem);
      return;
    }
    await this.replay(path, isLast);
  }

  /** Runs the commands of a file. An unfinished one at the end of the last file is cut off where aof-load-truncated allows it. */
  private async replay(path: string, isLast: boolean): Promise<void> {
    const { node } = this;
    const { keyspace } = node;
    const applier = new StreamApplier(
      node.internalClient(STREAM_CLIENT),
      new RequestParser({ maxBulkBytes: Number.MAX_SAFE_INTEGER }),
      node.executor,
      node.reply,
      node.clients,
      keyspace,
    );
    const { expiryMode } = keyspace;
    let pending: Uint8Array = new Uint8Array(0);
    let done = 0;
    await readPieces(path, (bytes, length) => {
      node.turn();
      const joined = new Uint8Array(pending.length + length);
      joined.set(pending);
      joined.set(bytes.subarray(0, length), pending.length);
      const applied = applier.apply(joined, 0, joined.length);
      done += applied;
      pending = joined.slice(applied);
      return applier.problem === '';
    });
    keyspace.expiryMode = expiryMode;
    if (applier.problem !== '') {
      throw new Error(
        `${path}: byte ${done}: ${applier.problem}: make a copy of the file, then cut it off there (truncate -s ${done}) to go on without what follows`,
      );
    }
    if (pending.length > 0) {
      if (!isLast || !node.settings.flag('aof-load-truncated')) {
        throw new Error(
          `${path}: ends in the middle of a command at byte ${done}: cut it off there (truncate -s ${done})${isLast ? ', or set aof-load-truncated yes' : ''}`,
        );
      }
      node.log('warning', `${path}: ends in the middle of a command: cut off ${pending.length} bytes at byte ${done}`);
      const file = new AppendFile(path);
      file.truncate(done);
      file.close();
    }
    node.log('notice', `Loaded ${applier.applied} commands from ${path}`);
  }

  // --- Life ------------------------------------------------------------------------------------------------------------

  async start(): Promise<void> {
    this.started = true;
    if (!this.wanted) return;
    if (this.stale) {
      const problem = await this.rewrite();
      if (problem !== null) throw new Error(`${NAME} cannot be begun: ${problem}`);
      return;
    }
    const { increments } = this.manifest;
    const last = increments.at(-1) ?? nextIncrement(this.manifest, this.prefix);
    if (increments.length === 0) this.manifest = { ...this.manifest, increments: [last] };
    this.measureFiles();
    this.file = new AppendFile(join(this.folder, last.name));
    this.writeManifest(this.manifest);
    this.attach();
    this.sizeAtRewrite = this.sizeBytes;
  }

  private followSetting(): void {
    if (this.wanted) {
      this.stale = true;
      if (this.mustWait(this.node.executor.call.inExec)) {
        this.scheduled = true;
        this.node.log('notice', 'appendonly was set to yes: an AOF background was scheduled to start when possible');
      } else void this.rewrite();
      return;
    }
    this.scheduled = false;
    this.cancelReason = 'appendonly was set to no';
    this.pump();
    this.close();
  }

  /** A full synchronisation replaces the dataset: the files are another history's. */
  abandonHistory(): void {
    if (!this.wanted) return;
    this.cancelReason = 'the dataset is replaced by a primary’s';
    this.close();
    this.stale = true;
  }

  private close(): void {
    const { file, reader } = this;
    if (reader !== null) this.log.detach(reader);
    if (file !== null) {
      file.sync();
      // A synchronisation that is under way needs its descriptor.
      if (this.syncing === null) file.close();
      else void this.syncing.finally(() => file.close());
    }
    this.reader = null;
    this.file = null;
    this.durable = -1;
  }

  logReaderDropped(reason: string): void {
    this.node.log('warning', reason);
    this.reader = null;
    this.stale = true;
  }

  private attach(): void {
    this.reader = this.log.attachAtEnd(NAME, this, false, 0);
    this.durable = this.reader.position;
  }

  /** Out of cluster mode: until the first rewrite is over what was written since appendonly was set may be in no file. */
  private stopRefusal(): string | null {
    const { settings } = this.node;
    if (!this.started || !this.wanted || !this.stale || this.rewriting === null) return null;
    return settings.flag('cluster-enabled') ? null : "Writing initial AOF, can't exit";
  }

  async stop(): Promise<void> {
    // What is acknowledged from here on would not be in the file.
    if (this.wanted) this.node.clients.pause(STOP_PAUSE, Number.MAX_SAFE_INTEGER, PAUSE_WRITES);
    this.cancelReason = 'the node shuts down';
    if (this.rewriting !== null) await this.rewriting;
    this.pump();
    if (this.syncing !== null) await this.syncing;
    this.close();
  }

  tick(nowMs: number): void {
    if (!this.started || this.node.executor.loading) return;
    this.pump();
    this.syncIfDue(nowMs);
    if (this.mustWait(false) || nowMs < this.retryAtMs) return;
    if (this.scheduled || (this.wanted && (this.stale || this.hasGrown()))) void this.rewrite();
  }

  /** No rewrite begins now: within a transaction the snapshot would hold its first half, and the increment the second. */
  private mustWait(inTransaction: boolean): boolean {
    return inTransaction || this.rewriting !== null || this.files.isSaving || !this.isComplete();
  }

  private hasGrown(): boolean {
    const percentage = this.node.settings.integer('auto-aof-rewrite-percentage');
    const size = this.sizeBytes;
    if (percentage === 0 || size < this.node.settings.integer('auto-aof-rewrite-min-size')) return false;
    const base = Math.max(1, this.sizeAtRewrite);
    return ((size - base) * 100) / base >= percentage;
  }

  private get sizeBytes(): number {
    return this.baseBytes + this.olderBytes + (this.file?.sizeBytes ?? 0);
  }

  // --- Writing ---------------------------------------------------------------------------------------------------------

  /** Takes what the log has. Called before replies leave: what is acknowledged is written, and with `always` lasting. */
  private pump(): void {
    const { reader, file, log } = this;
    if (reader === null || file === null || !reader.attached) return;
    try {
      while (log.nextBytes(reader)) {
        file.append(reader.bytes, reader.from, reader.to);
        log.advance(reader, reader.to - reader.from);
        this.unsynced = true;
      }
      if (this.unsynced && this.policy === 'always') {
        file.sync();
        this.synced(reader.position);
      }
    } catch (problem) {
      this.fail(`${file.path}: ${reasonOf(problem)}`);
      return;
    }
    if (this.writeFailure === '') return;
    this.writeFailure = '';
    this.node.log('warning', `${NAME} can be written again`);
  }

  private get policy(): string {
    return this.node.settings.text('appendfsync');
  }

  /** With `always` nothing can be kept of what a turn has answered by now: better no reply than a false one. */
  private fail(reason: string): void {
    if (this.policy === 'always') {
      throw new Error(`${reason}: with appendfsync always the node cannot go on: make room, and start it again`);
    }
    if (this.writeFailure === '')
      this.node.log('warning', `${reason}: writes are refused until it can be written again`);
    this.writeFailure = reason;
  }

  private syncIfDue(nowMs: number): void {
    const { file, reader } = this;
    const rests = this.rewriting !== null && this.node.settings.flag('no-appendfsync-on-rewrite');
    if (file === null || reader === null || this.policy !== 'everysec' || rests) return;
    if (!this.unsynced || this.syncing !== null || nowMs - this.lastSyncMs < SYNC_PERIOD_MS) return;
    const { position } = reader;
    this.unsynced = false;
    this.lastSyncMs = nowMs;
    this.syncing = file.syncSoon().then(
      () => {
        this.syncing = null;
        if (this.file === file) this.durable = Math.max(this.durable, position);
        this.node.turn();
        this.onDurable?.();
        this.node.endTurn();
      },
      (problem) => {
        this.syncing = null;
        this.unsynced = true;
        this.fail(`${file.path}: ${reasonOf(problem)}`);
      },
    );
  }

  private synced(position: number): void {
    this.unsynced = false;
    this.lastSyncMs = this.node.keyspace.nowMs;
    this.durable = position;
    this.onDurable?.();
  }

  // --- Rewriting -------------------------------------------------------------------------------------------------------

  /** Resolves to why it failed, null when it did not. Never rejects. */
  private rewrite(): Promise<string | null> {
    this.cancelReason = '';
    this.scheduled = false;
    const run = this.runRewrite()
      .catch((problem: unknown) => reasonOf(problem))
      .then((problem) => {
        this.rewriting = null;
        this.noteRewrite(problem);
        return problem;
      });
    this.rewriting = run;
    return run;
  }

  private async runRewrite(): Promise<null> {
    const { node, files, folder, prefix } = this;
    this.rewriteBeganMs = node.nowMs();
    if (this.syncing !== null) await this.syncing;
    syncFolder(folder);
    node.turn();
    this.pump();
    // One moment: the snapshot is of everything before the increment's first command.
    const before = this.manifest;
    const increment = nextIncrement(before, prefix);
    const base = nextBase(before, prefix);
    const followed = this.wanted;
    const snapshot = files.openSnapshot();
    if (followed) {
      const file = new AppendFile(join(folder, increment.name));
      file.truncate(0);
      this.openIncrement(file);
      this.manifest = { base: before.base, increments: this.stale ? [increment] : [...before.increments, increment] };
      // Of a dataset that no base stands for yet the increment alone would be no dataset.
      if (!this.stale) this.writeManifest(this.manifest);
    }
    node.log('notice', `Rewriting ${NAME}: ${base.name}`);
    const pace = new SavePace(node, () => this.cancelReason);
    this.baseBytes = await saveSnapshot(snapshot, join(folder, base.name), String(process.pid), pace).finally(() => {
      if (snapshot.active) node.snapshots.close(snapshot);
    });
    // What appendonly, set to yes meanwhile, writes begins with a rewrite of its own.
    const goesOn = followed && this.file !== null;
    const since = goesOn ? this.manifest.increments.filter(({ sequence }) => sequence >= increment.sequence) : [];
    this.manifest = { base, increments: since };
    this.writeManifest(this.manifest);
    this.stale = !goesOn;
    this.olderBytes = 0;
    this.sizeAtRewrite = this.sizeBytes;
    for (const { name } of dropped(before, this.manifest)) {
      const problem = removeFile(join(folder, name));
      if (problem !== null) node.log('warning', `${name} is not needed any more and was not deleted: ${problem}`);
    }
    return null;
  }

  /** The log goes on in a new file. */
  private openIncrement(file: AppendFile): void {
    const { file: older, reader } = this;
    if (older !== null) {
      older.sync();
      this.olderBytes += older.sizeBytes;
      older.close();
    }
    this.file = file;
    this.unsynced = false;
    if (reader === null || !reader.attached) this.attach();
    else {
      this.log.forgetDatabase();
      this.durable = reader.position;
    }
  }

  private writeManifest(manifest: AofManifest): void {
    const problem = replaceFile(this.manifestPath, formatManifest(manifest));
    if (problem !== null) throw new Error(problem);
  }

  private noteRewrite(problem: string | null): void {
    const nowMs = this.node.nowMs();
    this.lastRewriteMs = nowMs - this.rewriteBeganMs;
    this.lastRewriteFailed = problem !== null;
    this.rewrites++;
    if (problem === null) {
      this.failuresInARow = 0;
      this.node.log('notice', `Rewrote ${NAME} in ${this.lastRewriteMs} ms: ${this.sizeBytes} bytes`);
      return;
    }
    if (this.cancelReason !== '') {
      this.lastRewriteFailed = false;
      this.node.log('notice', `Rewriting ${NAME} ended: ${problem}`);
      return;
    }
    this.node.log('warning', `Rewriting ${NAME} failed: ${problem}`);
    this.retryAtMs = nowMs + Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** this.failuresInARow);
    this.failuresInARow++;
  }

  /** What the files of the manifest hold, for the growth that asks for a rewrite. */
  private measureFiles(): void {
    const sizeOf = (name: string): number => {
      const file = new AppendFile(join(this.folder, name));
      file.close();
      return file.sizeBytes;
    };
    const { base, increments } = this.manifest;
    this.baseBytes = base === null ? 0 : sizeOf(base.name);
    this.olderBytes = increments.slice(0, -1).reduce((sum, { name }) => sum + sizeOf(name), 0);
  }

  // --- AppendOnlyRoom --------------------------------------------------------------------------------------------------

  get isOn(): boolean {
    return this.reader !== null && !this.stale;
  }

  get durablePosition(): number {
    return this.durable;
  }

  get refusal(): string | null {
    return this.writeFailure === '' ? null : `MISCONF Errors writing to the AOF file: ${this.writeFailure}`;
  }

  reload(client: Client): void {
    const { node } = this;
    const waiter = { deadlineMs: 0, timedOut: () => {}, cancelled: () => {} };
    node.clients.block(client, waiter);
    void this.reloaded().then((problem) => {
      if (problem !== null) node.log('warning', problem);
      if (client.waiter !== waiter) return;
      node.turn();
      node.clients.resume(client, (reply) => (problem === null ? reply.ok() : reply.error(ERR_RELOAD)));
      node.endTurn();
    });
  }

  private async reloaded(): Promise<string | null> {
    const { node } = this;
    // Writes between the last that is in the file and the load would be lost.
    node.clients.pause(RELOAD_PAUSE, Number.MAX_SAFE_INTEGER, PAUSE_WRITES);
    try {
      if (this.rewriting !== null) await this.rewriting;
      this.pump();
      const { manifest } = this;
      node.executor.loading = true;
      node.keyspace.clear();
      const loaded = await this.read(true);
      // What is written next goes on in the file that was being written.
      this.manifest = manifest;
      node.keyspace.dirty = 0;
      if (!loaded) return `${this.manifestPath}: there is no append-only file to load`;
      node.log('notice', 'Append Only File loaded by DEBUG LOADAOF');
      return null;
    } catch (problem) {
      return reasonOf(problem);
    } finally {
      node.executor.loading = false;
      node.clients.unpause(RELOAD_PAUSE);
    }
  }

  rewriteInBackground(later: boolean): string {
    if (this.rewriting !== null) return 'ERR Background append only file rewriting already in progress';
    if (this.mustWait(later) || this.node.executor.loading) {
      this.scheduled = true;
      return 'Background append only file rewriting scheduled';
    }
    void this.rewrite();
    return 'Background append only file rewriting started';
  }

  private readonly describe: InfoSection = (add) => {
    const nowMs = this.node.nowMs();
    add('aof_enabled', this.wanted ? 1 : 0);
    add('aof_rewrite_in_progress', this.rewriting === null ? 0 : 1);
    add('aof_rewrite_scheduled', this.scheduled ? 1 : 0);
    add('aof_last_rewrite_time_sec', this.lastRewriteMs < 0 ? -1 : Math.floor(this.lastRewriteMs / 1000));
    add(
      'aof_current_rewrite_time_sec',
      this.rewriting === null ? -1 : Math.floor((nowMs - this.rewriteBeganMs) / 1000),
    );
    add('aof_last_bgrewrite_status', this.lastRewriteFailed ? 'err' : 'ok');
    add('aof_rewrites', this.rewrites);
    add('aof_rewrites_consecutive_failures', this.failuresInARow);
    add('aof_last_write_status', this.writeFailure === '' ? 'ok' : 'err');
    if (!this.wanted) return;
    add('aof_current_size', this.sizeBytes);
    add('aof_base_size', this.sizeAtRewrite);
    add('aof_pending_rewrite', this.stale ? 1 : 0);
    add('aof_buffer_length', this.reader === null ? 0 : this.log.pendingBytes(this.reader));
    add('aof_pending_bio_fsync', this.syncing === null ? 0 : 1);
    add('aof_delayed_fsync', 0);
  };
}

function reasonOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}
