/**
 * Wires persistence: loads the RDB file before anything else, saves between the node's turns (by save points, by command, at the end),
 * and answers the commands of persistence.
 */
import { join } from 'node:path';
import type { Client } from '../commands/client.ts';
import { PAUSE_WRITES } from '../commands/clients.ts';
import type { PersistenceRoom, ReloadOptions } from '../commands/replication-room.ts';
import { VALKEY_VERSION } from '../config/version.ts';
import { EXPIRY_IGNORED } from '../keyspace/keyspace.ts';
import { slotOf } from '../keyspace/slot.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import type { Node, Part } from '../node.ts';
import { DigestVisitor, digestHex } from '../persistence/digest.ts';
import { KeyspaceLoader } from '../persistence/keyspace-loader.ts';
import { VERSION } from '../persistence/rdb/format.ts';
import { RdbReader } from '../persistence/rdb/rdb-reader.ts';
import { RdbWriter } from '../persistence/rdb/rdb-writer.ts';
import { parseSavePoints, SaveState } from '../persistence/save-points.ts';
import type { Snapshot } from '../persistence/snapshot.ts';
import { WholeDataset } from '../persistence/whole-dataset.ts';
import { Arguments } from '../protocol/arguments.ts';
import { fileSize, readPieces, removeTemporary } from '../storage/rdb-file.ts';
import { saveSnapshot } from '../storage/saving.ts';
import { microsOf, SavePace } from './save-pace.ts';
import { takeLibrary, tellLibraries } from './scripting.ts';

/** Deletions that replicas are told of after a start; with more than these they are sent the whole dataset. */
const MAX_DROPPED = 100_000;
/** What a save may keep back or have waiting before it fails: the memory that writes during a save may cost. */
const QUEUE_LIMIT_BYTES = 256 * 1024 * 1024;
/** Free arena pages kept ahead of a load: 16 MiB. */
const RESERVED_PAGES = 256;
/** A long load says how far it is. */
const PROGRESS_MS = 5000;
const ALREADY_SAVING = 'ERR Background save already in progress';
const INCOMPLETE = 'ERR Only a part of the dataset has arrived from the primary: it is not saved';
const SHUTDOWN_PAUSE = 'shutdown';
const RELOAD_PAUSE = 'debug reload';

/** Where the dataset stands in the stream of changes. */
export interface StreamPlace {
  readonly id: string;
  readonly offset: number;
  readonly streamDatabase: number;
}

/** A load under way, for INFO. */
interface Loading {
  readonly startedAtMs: number;
  readonly totalBytes: number;
  loadedBytes: number;
}

export class PersistencePart implements Part, PersistenceRoom {
  /** A file was found at the start and loaded. */
  loaded = false;
  /** What that file said of its place in the stream; null when it said nothing. */
  loadedPlace: StreamPlace | null = null;
  /** What replicas that go on from `loadedPlace` must delete, since it was left out in loading. */
  dropped: { readonly database: number; readonly slot: number; readonly form: Arguments }[] = [];
  /** Given by the append-only file: loads it; false where there is none, and the RDB file counts. */
  loadAppendOnly: () => Promise<boolean> = async () => false;
  /** Given by replication; null while the node has no history. */
  place: () => StreamPlace | null = () => null;
  /** Given by replication: false while only a part of the dataset is here, which must not replace a whole file. */
  isComplete: () => boolean = () => true;
  private readonly node: Node;
  private readonly state: SaveState;
  private readonly whole: WholeDataset;
  private readonly startDirectory: string;
  /** The save under way: resolves to why it failed, null when it did not. Never rejects. */
  private saving: Promise<string | null> | null = null;
  private savingSnapshot: Snapshot | null = null;
  private cancelReason = '';
  private stopping = false;
  private loading: Loading | null = null;
  private keysLoaded = 0;
  private keysExpired = 0;

  constructor(node: Node) {
    const { settings } = node;
    this.node = node;
    this.whole = new WholeDataset(node.keyspace, node.types, true);
    this.startDirectory = settings.text('dir');
    this.state = new SaveState(node.nowMs());
    settings.watch('save', (value) => {
      this.state.points = parseSavePoints(value);
    });
    node.rooms.persistence = this;
    node.rooms.infoSections.set('persistence', (add) => this.describe(add));
    node.parts.push(this);
  }

  /** The process stands in the directory it was started with; CONFIG SET dir names another one. */
  get directory(): string {
    const directory = this.node.settings.text('dir');
    return directory === this.startDirectory ? process.cwd() : directory;
  }

  get path(): string {
    return join(this.directory, this.node.settings.text('dbfilename'));
  }

  // --- Loading ---------------------------------------------------------------------------------------------------------

  async load(): Promise<void> {
    const { node, path } = this;
    if (await this.loadAppendOnly()) {
      // What followed the base is in no file of its place in the stream.
      this.loadedPlace = null;
      this.loaded = true;
      return;
    }
    const problem = await this.loadFile(path);
    if (problem !== null) throw new Error(problem);
    if (!this.loaded) node.log('notice', `No file ${path}: starting with an empty dataset`);
  }

  /** Loads the base of the append-only file; the problem or null. */
  loadBase(path: string): Promise<string | null> {
    return this.loadFile(path);
  }

  /** Loads a file into the empty keyspace; null when it is loaded or there is none, else why not. */
  private async loadFile(path: string, replaces = false): Promise<string | null> {
    const { node } = this;
    const { keyspace } = node;
    let totalBytes: number | null;
    try {
      totalBytes = await fileSize(path);
      if (totalBytes === null) return null;
      node.turn();
      this.loading = { startedAtMs: node.nowMs(), totalBytes, loadedBytes: 0 };
      return await this.readFile(path, this.loading, replaces);
    } catch (problem) {
      return `${path}: cannot be read: ${reasonOf(problem)}: correct its permissions, or dir and dbfilename`;
    } finally {
      this.loading = null;
      keyspace.dirty = 0;
    }
  }

  private async readFile(path: string, loading: Loading, replaces: boolean): Promise<string | null> {
    const { node } = this;
    const { keyspace, settings } = node;
    const followsNobody = !settings.flag('cluster-enabled') && settings.text('replicaof') === '';
    const loader = new KeyspaceLoader(keyspace, node.types, node.types.newBuilder(), {
      // In a cluster the role is not known yet. A replica must not drop what its primary may have given more time.
      dropExpiredBeforeMs: followsNobody && node.role() === 'primary' ? keyspace.nowMs : 0,
      dropped: (database, key, fields) => this.noteDropped(database, key, fields),
      replaces,
      takeLibrary: (code) => takeLibrary(node, code, replaces),
    });
    const relaxed = settings.text('rdb-version-check') === 'relaxed';
    const reader = new RdbReader(loader, path, settings.flag('rdbchecksum'), relaxed);
    const { expiryMode } = keyspace;
    let saidAtMs = loading.startedAtMs;
    const delayMicros = microsOf(settings.integer('key-load-delay'));
    await readPieces(path, (bytes, length) => {
      node.turn();
      keyspace.expiryMode = EXPIRY_IGNORED;
      const keysBefore = reader.keys;
      reader.push(bytes, 0, length);
      keyspace.expiryMode = expiryMode;
      if (delayMicros > 0) node.rooms.host.stall(((reader.keys - keysBefore) * delayMicros) / 1000);
      keyspace.arena.reserveAhead(RESERVED_PAGES);
      loading.loadedBytes += length;
      if (keyspace.nowMs - saidAtMs >= PROGRESS_MS) {
        saidAtMs = keyspace.nowMs;
        node.log(
          'notice',
          `Loading ${path}: ${loading.loadedBytes} of ${loading.totalBytes} bytes, ${reader.keys} keys`,
        );
      }
      return reader.error === null;
    });
    reader.finish();
    if (reader.error !== null) return reader.error;
    this.keysLoaded = loader.loaded;
    this.keysExpired = loader.expired;
    this.loaded = true;
    this.noteFacts(path, loader);
    node.log(
      'notice',
      `Loaded ${loader.loaded} keys (${loader.expired} had expired) from ${path} in ${node.nowMs() - loading.startedAtMs} ms`,
    );
    return null;
  }

  private noteDropped(database: number, key: Uint8Array, fields: readonly Uint8Array[] | null): void {
    if (this.dropped.length > MAX_DROPPED) return;
    const slot = this.node.keyspace.slots > 1 ? slotOf(key, 0, key.length) : 0;
    const form = fields === null ? Arguments.of('UNLINK', key) : Arguments.of('HDEL', key, ...fields);
    this.dropped.push({ database, slot, form });
  }

  private noteFacts(path: string, loader: KeyspaceLoader): void {
    const { node } = this;
    for (const { job, ranges } of loader.slotImports) {
      node.log('warning', `${path}: slot migration ${job} was under way: what it had brought is dropped`);
      for (let i = 0; i < ranges.length; i += 2) {
        for (let slot = ranges[i]!; slot <= ranges[i + 1]! && node.keyspace.slots > 1; slot++) node.flushSlot(slot);
      }
    }
    const id = loader.facts.get('repl-id') ?? '';
    const offset = Number(loader.facts.get('repl-offset'));
    const goesOn = /^[0-9a-f]{40}$/.test(id) && Number.isSafeInteger(offset) && offset >= 0;
    if (goesOn && this.dropped.length <= MAX_DROPPED) {
      this.loadedPlace = { id, offset, streamDatabase: Number(loader.facts.get('repl-stream-db')) || 0 };
    }
  }

  // --- Saving ----------------------------------------------------------------------------------------------------------

  tick(nowMs: number): void {
    if (this.stopping || !this.savable) return;
    if (this.state.isDue(this.node.keyspace.dirty, nowMs)) void this.begin();
  }

  /** A save is under way. */
  get isSaving(): boolean {
    return this.saving !== null;
  }

  private get savable(): boolean {
    return !this.node.executor.loading && this.isComplete();
  }

  /** Begins a save: a snapshot of this moment. Nothing is saved already. Resolves to why it failed, null when it did not. */
  private begin(): Promise<string | null> {
    this.cancelReason = '';
    const saving = this.run(this.open()).then((problem) => {
      this.saving = null;
      return problem;
    });
    this.saving = saving;
    return saving;
  }

  private open(): Snapshot {
    const { node } = this;
    this.state.begin(node.keyspace.dirty, node.nowMs());
    this.savingSnapshot = this.openSnapshot();
    return this.savingSnapshot;
  }

  /** A snapshot of this moment, as an RDB file holds it. */
  openSnapshot(): Snapshot {
    const { node } = this;
    const nowMs = node.nowMs();
    const writer = new RdbWriter(
      {
        version: VERSION,
        serverVersion: VALKEY_VERSION,
        createdAtSeconds: Math.floor(nowMs / 1000),
        usedMemoryBytes: node.usedMemoryBytes(),
        replication: this.place(),
      },
      node.settings.flag('rdbchecksum'),
    );
    tellLibraries(node, writer);
    return node.snapshots.open(writer, { slots: null, queueLimitBytes: QUEUE_LIMIT_BYTES });
  }

  private async run(snapshot: Snapshot): Promise<string | null> {
    const { node, state, path } = this;
    node.log('notice', `Saving ${node.keyspace.keyCount()} keys to ${path}`);
    try {
      const sizeBytes = await saveSnapshot(
        snapshot,
        path,
        String(process.pid),
        new SavePace(node, () => this.cancelReason),
      );
      node.keyspace.dirty -= state.succeeded(node.nowMs());
      node.log(
        'notice',
        `Saved ${snapshot.keysTold} keys to ${path}: ${sizeBytes} bytes in ${state.lastDurationMs} ms`,
      );
      return null;
    } catch (problem) {
      return this.failed(path, reasonOf(problem));
    } finally {
      node.snapshots.close(snapshot);
      this.savingSnapshot = null;
    }
  }

  private failed(path: string, reason: string): string {
    this.state.failed(this.node.nowMs(), this.cancelReason !== '');
    this.node.log('warning', `Saving to ${path} failed: ${reason}`);
    return reason;
  }

  // --- Writes and the end ----------------------------------------------------------------------------------------------

  /** MISCONF: the last save failed, and the node shall not take writes that may never reach the disk. */
  get refusesWrites(): boolean {
    const { state, node } = this;
    return state.lastFailed && state.points.length > 0 && node.settings.flag('stop-writes-on-bgsave-error');
  }

  /** Out of cluster mode the save comes before anything ends: where it fails the node goes on. */
  async beforeStop(save: boolean | null): Promise<string | null> {
    return this.node.settings.flag('cluster-enabled') ? null : this.saveAtEnd(save);
  }

  /** In cluster mode a primary hands over first, so that its slots are served while it saves. */
  async stop(save: boolean | null): Promise<void> {
    if (!this.node.settings.flag('cluster-enabled')) return;
    const problem = await this.saveAtEnd(save);
    if (problem !== null) throw new Error(`the dataset could not be saved to ${this.path}: ${problem}`);
  }

  abandon(): void {
    removeTemporary(this.path, String(process.pid));
  }

  /** Returns the problem or null. */
  private async saveAtEnd(save: boolean | null): Promise<string | null> {
    const { node } = this;
    this.stopping = true;
    const wanted = save ?? this.state.points.length > 0;
    // What is acknowledged from here on would not be in the file.
    if (wanted) node.clients.pause(SHUTDOWN_PAUSE, Number.MAX_SAFE_INTEGER, PAUSE_WRITES);
    this.cancelReason = 'the node shuts down';
    if (this.saving !== null) await this.saving;
    if (!wanted) return null;
    if (!this.savable) {
      node.log('warning', `Not saved: the dataset is only partly here, and ${this.path} stays as it is`);
      return null;
    }
    const problem = await this.begin();
    if (problem === null) return null;
    this.stopping = false;
    node.clients.unpause(SHUTDOWN_PAUSE);
    return problem;
  }

  // --- PersistenceRoom -------------------------------------------------------------------------------------------------

  save(client: Client): string | null {
    if (this.saving !== null) return ALREADY_SAVING;
    if (!this.savable) return INCOMPLETE;
    this.answerWhen(client, this.begin());
    return null;
  }

  /** Blocks the client until the outcome is there. */
  private answerWhen(client: Client, outcome: Promise<string | null>): void {
    const { node } = this;
    const waiter = { deadlineMs: 0, timedOut: () => {}, cancelled: () => {} };
    node.clients.block(client, waiter);
    void outcome.then((problem) => {
      if (client.waiter !== waiter) return;
      node.turn();
      node.clients.resume(client, (reply) => (problem === null ? reply.ok() : reply.error(`ERR ${problem}`)));
      node.endTurn();
    });
  }

  saveInBackground(later: boolean): string {
    if (this.saving !== null) return ALREADY_SAVING;
    if (!this.savable) return INCOMPLETE;
    if (later) {
      this.state.scheduled = true;
      return 'Background saving scheduled';
    }
    void this.begin();
    return 'Background saving started';
  }

  cancelSave(): string {
    if (this.saving !== null) {
      this.cancelReason = 'it was cancelled';
      return 'Background saving cancelled';
    }
    if (!this.state.scheduled) return 'ERR Background saving is currently not in progress or scheduled';
    this.state.scheduled = false;
    return 'Scheduled background saving cancelled';
  }

  lastSaveSeconds(): number {
    return Math.floor(this.state.lastSaveMs / 1000);
  }

  reload(client: Client, options: ReloadOptions): string | null {
    if (this.saving !== null) return ALREADY_SAVING;
    this.answerWhen(client, this.reloaded(options));
    return null;
  }

  private async reloaded(options: ReloadOptions): Promise<string | null> {
    const { node } = this;
    // Writes between the save and the load would be lost.
    node.clients.pause(RELOAD_PAUSE, Number.MAX_SAFE_INTEGER, PAUSE_WRITES);
    try {
      const problem = options.save ? await this.begin() : null;
      if (problem !== null) return problem;
      node.executor.loading = true;
      if (options.flush) {
        node.keyspace.clear();
        node.rooms.scripting?.flushLibraries();
      }
      const failed = await this.loadFile(this.path, options.merge);
      if (failed === null) node.log('notice', 'DB reloaded by DEBUG RELOAD');
      else node.log('warning', failed);
      return failed === null ? null : 'Error trying to load the RDB dump, check server logs.';
    } finally {
      node.executor.loading = false;
      node.clients.unpause(RELOAD_PAUSE);
    }
  }

  digest(): string {
    const digest = new DigestVisitor();
    this.whole.tell(digest);
    return digestHex(digest.total);
  }

  digestOfEntry(entry: Address): string {
    const digest = new DigestVisitor(false);
    if (entry !== NONE) this.whole.tellKey(entry, digest);
    return digestHex(digest.key);
  }

  private describe(add: (field: string, value: string | number) => void): void {
    const { state, node, savingSnapshot, loading } = this;
    const nowMs = node.nowMs();
    add('loading', node.executor.loading ? 1 : 0);
    add('async_loading', 0);
    add('current_save_keys_processed', savingSnapshot?.keysTold ?? 0);
    add('current_save_keys_total', savingSnapshot === null ? 0 : node.keyspace.keyCount());
    add('rdb_changes_since_last_save', node.keyspace.dirty);
    add('rdb_bgsave_in_progress', state.inProgress ? 1 : 0);
    add('rdb_last_save_time', this.lastSaveSeconds());
    add('rdb_last_bgsave_status', state.lastFailed ? 'err' : 'ok');
    add('rdb_last_bgsave_time_sec', state.lastDurationMs < 0 ? -1 : Math.floor(state.lastDurationMs / 1000));
    add('rdb_current_bgsave_time_sec', state.inProgress ? Math.floor((nowMs - state.startedAtMs) / 1000) : -1);
    add('rdb_saves', state.saves);
    add('rdb_last_load_keys_expired', this.keysExpired);
    add('rdb_last_load_keys_loaded', this.keysLoaded);
    if (loading === null) return;
    add('loading_start_time', Math.floor(loading.startedAtMs / 1000));
    add('loading_total_bytes', loading.totalBytes);
    add('loading_loaded_bytes', loading.loadedBytes);
    add('loading_loaded_perc', ((100 * loading.loadedBytes) / Math.max(1, loading.totalBytes)).toFixed(2));
  }
}

function reasonOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}
