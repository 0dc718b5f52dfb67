/**
 * Wires persistence: loads the RDB file at the start, saves in the background by save points and by command, saves at the end,
 * and opens snapshots for replication and slot migration.
 */
import { join } from 'node:path';
import type { Client } from '../commands/client.ts';
import { VALKEY_VERSION } from '../config/version.ts';
import type { PersistenceRoom } from '../commands/replication-room.ts';
import { EXPIRY_IGNORED } from '../keyspace/keyspace.ts';
import type { Node, Part } from '../node.ts';
import { DigestVisitor, digestHex } from '../persistence/digest.ts';
import { DigestConsumer } from '../persistence/digest-consumer.ts';
import { KeyspaceLoader } from '../persistence/keyspace-loader.ts';
import { VERSION } from '../persistence/rdb/format.ts';
import { RdbReader } from '../persistence/rdb/rdb-reader.ts';
import { RdbWriter } from '../persistence/rdb/rdb-writer.ts';
import { parseSavePoints, SaveState } from '../persistence/save-points.ts';
import type { Snapshot, Snapshots } from '../persistence/snapshot.ts';
import type { ValueBuilder } from '../types/index.ts';
import { fileSize, readPieces } from '../storage/rdb-file.ts';
import { saveSnapshot } from '../storage/saving.ts';

/** What a snapshot may keep back or have waiting before it fails: memory that writes during a save may cost. */
export const SNAPSHOT_QUEUE_LIMIT_BYTES = 256 * 1024 * 1024;
const ALREADY_SAVING = 'ERR Background save already in progress';

/** Where the dataset stands in the stream of changes. */
export interface StreamPlace {
  readonly id: string;
  readonly offset: number;
  readonly streamDatabase: number;
}

export class PersistencePart implements Part, PersistenceRoom {
  readonly snapshots: Snapshots;
  /** What the file that was loaded at the start said of its place in the stream; null when it said nothing. */
  loadedPlace: StreamPlace | null = null;
  loaded = false;
  /** Given by replication; null while the node has no history. */
  place: () => StreamPlace | null = () => null;
  private readonly node: Node;
  private readonly state: SaveState;
  private readonly builder: ValueBuilder;
  private readonly path: () => string;
  private saving: Promise<boolean> | null = null;
  private cancelled = false;
  private sequence = 0;
  private keysLoaded = 0;
  private keysExpired = 0;

  constructor(node: Node) {
    this.node = node;
    const { settings } = node;
    this.snapshots = node.snapshots;
    this.builder = node.types.newBuilder();
    this.state = new SaveState(node.nowMs());
    this.path = () => join('.', settings.text('dbfilename'));
    settings.watch('save', (value) => {
      this.state.points = parseSavePoints(value);
    });
    node.rooms.persistence = this;
    node.rooms.infoSections.set('persistence', (add) => this.describe(add));
    node.parts.push(this);
  }

  // --- Loading ---------------------------------------------------------------------------------------------------------

  async start(): Promise<void> {
    const path = this.path();
    if ((await fileSize(path)) === null) return;
    const startedMs = this.node.nowMs();
    const problem = await this.load(path);
    if (problem !== null) throw new Error(problem);
    this.node.log('notice', `Loaded ${this.keysLoaded} keys from ${path} in ${this.node.nowMs() - startedMs} ms`);
  }

  /** Loads a file into the empty keyspace; null when it is loaded, else why not. */
  private async load(path: string): Promise<string | null> {
    const { node } = this;
    const { keyspace } = node;
    keyspace.setNow(node.nowMs());
    const loader = new KeyspaceLoader(keyspace, node.types, this.builder, { dropExpiredBeforeMs: keyspace.nowMs });
    const reader = new RdbReader(loader, path, node.settings.flag('rdbchecksum'));
    const expiryMode = keyspace.expiryMode;
    await readPieces(path, (bytes, length) => {
      keyspace.expiryMode = EXPIRY_IGNORED;
      reader.push(bytes, 0, length);
      keyspace.expiryMode = expiryMode;
      keyspace.arena.reserveAhead(RESERVED_PAGES);
      return reader.error === null;
    });
    reader.finish();
    if (reader.error !== null) return reader.error;
    this.keysLoaded = loader.loaded;
    this.keysExpired = loader.expired;
    this.loaded = true;
    if (loader.skippedLibraries > 0) {
      node.log('warning', `${path}: ${loader.skippedLibraries} function libraries were left out: this release does not run functions`);
    }
    const id = loader.facts.get('repl-id');
    const offset = Number(loader.facts.get('repl-offset'));
    if (id !== undefined && id.length === 40 && Number.isSafeInteger(offset)) {
      this.loadedPlace = { id, offset, streamDatabase: Number(loader.facts.get('repl-stream-db')) || 0 };
    }
    keyspace.dirty = 0;
    return null;
  }

  // --- Snapshots for others --------------------------------------------------------------------------------------------

  openRdbSnapshot(version: number): Snapshot {
    const { node } = this;
    const writer = new RdbWriter(
      {
        version,
        serverVersion: VALKEY_VERSION,
        createdAtSeconds: Math.floor(node.nowMs() / 1000),
        usedMemoryBytes: node.usedMemoryBytes(),
        replication: this.place(),
      },
      node.settings.flag('rdbchecksum'),
    );
    return this.snapshots.open(writer, { slots: null, queueLimitBytes: SNAPSHOT_QUEUE_LIMIT_BYTES });
  }

  /** A loader for a dataset that arrives from elsewhere. */
  newLoader(): KeyspaceLoader {
    return new KeyspaceLoader(this.node.keyspace, this.node.types, this.builder, { dropExpiredBeforeMs: 0 });
  }

  // --- Saving ----------------------------------------------------------------------------------------------------------

  tick(nowMs: number): void {
    if (this.state.isDue(this.node.keyspace.dirty, nowMs)) void this.begin();
  }

  /** Saves: resolves to whether it succeeded. Never rejects. */
  private begin(): Promise<boolean> {
    const { node, state } = this;
    const nowMs = node.nowMs();
    state.begin(node.keyspace.dirty, nowMs);
    this.cancelled = false;
    const snapshot = this.openRdbSnapshot(VERSION);
    const path = this.path();
    node.log('notice', `Saving ${node.keyspace.keyCount()} keys to ${path}`);
    const work = saveSnapshot(snapshot, path, `${process.pid}-${++this.sequence}`, {
      slice: (one, units) => {
        node.turn();
        this.snapshots.slice(one, units);
      },
      nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
      cancelled: () => this.cancelled,
    });
    const done = work.then(
      (sizeBytes) => {
        node.keyspace.dirty -= state.succeeded(node.nowMs());
        node.log('notice', `Saved ${snapshot.keysTold} keys to ${path}: ${sizeBytes} bytes in ${state.lastDurationMs} ms`);
        return true;
      },
      (problem: unknown) => {
        const reason = problem instanceof Error ? problem.message : String(problem);
        state.failed(node.nowMs(), this.cancelled);
        node.log('warning', `Saving to ${path} failed: ${reason}`);
        return false;
      },
    ).then((succeeded) => {
      this.snapshots.close(snapshot);
      this.saving = null;
      return succeeded;
    });
    this.saving = done;
    return done;
  }

  /** MISCONF: the last save failed and writes must stop. */
  get refusesWrites(): boolean {
    return this.state.lastFailed && this.state.points.length > 0 && this.node.settings.flag('stop-writes-on-bgsave-error');
  }

  /** Waits for a running save, then saves what is there now. */
  private async saveNow(): Promise<boolean> {
    while (this.saving !== null) await this.saving;
    return this.begin();
  }

  async stop(save: boolean | null): Promise<void> {
    const wanted = save ?? this.state.points.length > 0;
    if (!wanted) {
      this.cancelled = true;
      if (this.saving !== null) await this.saving;
      return;
    }
    if (!(await this.saveNow())) throw new Error('the dataset could not be saved');
  }

  // --- PersistenceRoom -------------------------------------------------------------------------------------------------

  save(client: Client): string | null {
    if (this.state.inProgress) return ALREADY_SAVING;
    this.answerWhen(client, this.begin().then((succeeded) => (succeeded ? null : 'ERR The dataset could not be saved: see the log')));
    return null;
  }

  private answerWhen(client: Client, outcome: Promise<string | null>): void {
    const { clients } = this.node;
    clients.block(client, { deadlineMs: 0, timedOut: (reply) => reply.nil(), cancelled: () => {} });
    void outcome.then((problem) => {
      this.node.turn();
      clients.resume(client, (reply) => (problem === null ? reply.ok() : reply.error(problem)));
      clients.settle();
    });
  }

  saveInBackground(schedule: boolean): string {
    if (this.state.inProgress) {
      if (!schedule) return ALREADY_SAVING;
      this.state.scheduled = true;
      return 'Background saving scheduled';
    }
    void this.begin();
    return 'Background saving started';
  }

  cancelSave(): string {
    if (this.state.scheduled) {
      this.state.scheduled = false;
      return 'Scheduled background saving cancelled';
    }
    if (!this.state.inProgress) return 'ERR Background saving is currently not in progress or scheduled';
    this.cancelled = true;
    return 'Background saving cancelled';
  }

  lastSaveSeconds(): number {
    return Math.floor(this.state.lastSaveMs / 1000);
  }

  reload(client: Client): string | null {
    if (this.state.inProgress) return ALREADY_SAVING;
    this.answerWhen(client, this.reloaded());
    return null;
  }

  private async reloaded(): Promise<string | null> {
    const { node } = this;
    if (!(await this.begin())) return 'ERR The dataset could not be saved: see the log';
    node.executor.loading = true;
    node.keyspace.clear();
    const problem = await this.load(this.path());
    node.executor.loading = false;
    return problem === null ? null : `ERR ${problem}`;
  }

  digest(): string {
    const consumer = new DigestConsumer(new DigestVisitor());
    const snapshot = this.snapshots.open(consumer, { slots: null, queueLimitBytes: SNAPSHOT_QUEUE_LIMIT_BYTES });
    while (snapshot.active) this.snapshots.slice(snapshot, Number.MAX_SAFE_INTEGER);
    this.snapshots.close(snapshot);
    return digestHex(consumer.digest.total);
  }

  digestOfKey(databaseIndex: number, key: Uint8Array): string {
    const consumer = new DigestConsumer(new DigestVisitor(false));
    this.snapshots.tellOne(this.node.keyspace.databases[databaseIndex]!, key, consumer);
    return digestHex(consumer.digest.key);
  }

  private describe(add: (field: string, value: string | number) => void): void {
    const { state } = this;
    add('loading', this.node.executor.loading ? 1 : 0);
    add('async_loading', 0);
    add('rdb_changes_since_last_save', this.node.keyspace.dirty);
    add('rdb_bgsave_in_progress', state.inProgress ? 1 : 0);
    add('rdb_last_save_time', this.lastSaveSeconds());
    add('rdb_last_bgsave_status', state.lastFailed ? 'err' : 'ok');
    add('rdb_last_bgsave_time_sec', state.lastDurationMs < 0 ? -1 : Math.floor(state.lastDurationMs / 1000));
    add('rdb_current_bgsave_time_sec', state.inProgress ? Math.floor((this.node.nowMs() - state.startedAtMs) / 1000) : -1);
    add('rdb_saves', state.saves);
    add('rdb_last_load_keys_expired', this.keysExpired);
    add('rdb_last_load_keys_loaded', this.keysLoaded);
    add('aof_enabled', 0);
  }
}

/** As the node's tick does it: room ahead of the load, 16 MiB. */
const RESERVED_PAGES = 256;
