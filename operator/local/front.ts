/**
 * The front: owns the cluster's lifetime, the terminal and the manifest. It starts no node itself; the reconciler does,
 * and may die and be followed by another without a node noticing. When the front ends, everything ends.
 */
import { mkdirSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { ValkeyCluster, ValkeyClusterStatus } from '../api/index.ts';
import { HOST, identify, isRunning, type ProcessId, StateDirectory, stateRoot } from '../platform/process/index.ts';
import { acceptEdit, adoptManifest } from './desired.ts';
import { stopNodes } from './ending.ts';
import { ManifestWatch, readManifest } from './manifest-file.ts';
import type { FromReconciler } from './messages.ts';
import type { LocalOptions } from './options.ts';
import { ReconcilerProcess } from './reconciler-process.ts';
import type { Screen } from './screen.ts';
import type { Snapshot } from './snapshot.ts';
import { migrationBar, stateText } from './table.ts';

/** Who owns a state directory. */
interface FrontRecord {
  readonly process: ProcessId;
  readonly manifestPath: string;
}

/** Somebody else's cluster is in the way; the message says whose. */
export class OccupiedError extends Error {}

export class Front {
  readonly #options: LocalOptions;
  readonly #screen: Screen;
  readonly #state: StateDirectory;
  readonly #reconciler: ReconcilerProcess;
  readonly #watch: ManifestWatch;
  readonly #startedAtMs = performance.now();
  readonly #hurry = new AbortController();
  #cluster: ValkeyCluster;
  #status: ValkeyClusterStatus | null = null;
  #snapshot: Snapshot | null = null;
  #endpoint: string;
  #toldReady = false;
  #lastState = '';
  #lastBar = '';
  #ending: Promise<void> | null = null;

  /** Throws ManifestError or OccupiedError. Nothing is started yet. */
  constructor(options: LocalOptions, screen: Screen) {
    this.#options = options;
    this.#screen = screen;
    this.#endpoint = `${HOST}:${options.firstPort}`;
    const manifest = readManifest(options.manifestPath);
    this.#state = new StateDirectory(join(stateRoot(), manifest.metadata.name));
    this.#takeOver();
    this.#cluster = adoptManifest(this.#state, manifest);
    this.#reconciler = new ReconcilerProcess(
      { statePath: this.#state.path, clusterUid: this.#cluster.metadata.uid ?? '', firstPort: options.firstPort },
      (message) => this.#onMessage(message),
      (line) => screen.line(line),
    );
    this.#watch = new ManifestWatch(
      options.manifestPath,
      (edited) => this.#onEdit(edited),
      (mistake) => screen.line(`manifest error: ${mistake}`),
    );
  }

  start(): void {
    const { shards, replicas } = this.#cluster.spec;
    this.#screen.line(
      `keyherd: cluster ${this.#cluster.metadata.name}, ${shards} shards with ${replicas} replicas each, state in ${this.#state.path}`,
    );
    this.#reconciler.start();
    this.#watch.start();
  }

  /** Ends everything and leaves nothing behind. Asked a second time, it is in a hurry. */
  async end(): Promise<void> {
    if (this.#ending !== null) this.#hurry.abort();
    this.#ending ??= this.#endOnce();
    await this.#ending;
  }

  async #endOnce(): Promise<void> {
    this.#screen.line('keyherd: stopping');
    this.#watch.stop();
    await this.#reconciler.rest();
    const replicas = new Set(
      (this.#snapshot?.shards ?? []).flatMap((shard) => shard.replicas.map((node) => node.name)),
    );
    await stopNodes(this.#state, replicas, this.#hurry.signal);
    await this.#reconciler.stop();
    this.#state.remove();
    this.#screen.line('keyherd: stopped');
    this.#screen.close();
  }

  /**
   * Makes the directory ours. A front that lives keeps it. One that was killed left nodes behind: they are adopted when any still
   * runs; otherwise (the machine was restarted, they were killed too) nothing of it is worth keeping.
   */
  #takeOver(): void {
    const owner = this.#state.read<FrontRecord>('front.json');
    if (owner !== null && isRunning(owner.process)) {
      throw new OccupiedError(
        `cluster ${this.#state.path} is run by process ${owner.process.pid} (${owner.manifestPath}): stop it, or give this one another metadata.name`,
      );
    }
    const left = this.#state.allNodes().filter(({ record }) => record.process !== null && isRunning(record.process));
    if (left.length === 0) this.#state.remove();
    else this.#screen.line(`keyherd: taking over ${left.length} nodes of a cluster whose front is gone`);
    mkdirSync(this.#state.path, { recursive: true, mode: 0o700 });
    if (statSync(stateRoot()).uid !== userInfo().uid) {
      throw new OccupiedError(`${stateRoot()} belongs to another user: set TMPDIR to a directory of your own`);
    }
    const me = identify(process.pid);
    if (me === null) throw new Error('this process is not among the processes of this machine');
    this.#state.write({ process: me, manifestPath: this.#options.manifestPath } satisfies FrontRecord, 'front.json');
  }

  #onEdit(edited: ValkeyCluster): void {
    const outcome = acceptEdit(this.#state, this.#cluster, edited);
    if (outcome.kind === 'refused')
      this.#screen.line(`manifest error: ${this.#options.manifestPath}: ${outcome.reason}`);
    if (outcome.kind !== 'accepted') return;
    this.#cluster = outcome.cluster;
    this.#screen.line(`manifest ${outcome.changes}`);
    this.#reconciler.look();
  }

  #onMessage(message: FromReconciler): void {
    switch (message.kind) {
      case 'status':
        this.#status = message.status;
        this.#tellState(message.status);
        break;
      case 'snapshot':
        this.#snapshot = message.snapshot;
        this.#tellReady(message.snapshot);
        break;
      case 'event':
        this.#screen.line(`event ${message.event.type} ${message.event.reason}: ${message.event.message}`);
        break;
      case 'resting':
        return;
      case 'log':
        this.#screen.line(message.line);
        break;
    }
    this.#tellMigration();
    this.#screen.picture({
      clusterName: this.#cluster.metadata.name,
      endpoint: this.#endpoint,
      status: this.#status,
      snapshot: this.#snapshot,
    });
  }

  #tellState(status: ValkeyClusterStatus): void {
    if (status.endpoint !== '') this.#endpoint = status.endpoint;
    // The message goes on changing while the reason stands: the first one says what it is about.
    const reason = `${status.state} ${status.reason}`;
    if (reason === this.#lastState) return;
    this.#lastState = reason;
    this.#screen.line(`state ${stateText(status)}`);
  }

  /** Once: as soon as clients can reach every slot. */
  #tellReady(snapshot: Snapshot): void {
    if (this.#toldReady || !snapshot.served) return;
    this.#toldReady = true;
    const primary = snapshot.shards[0]?.primary;
    if (primary != null) this.#endpoint = `${HOST}:${primary.port}`;
    const nodes = snapshot.shards.reduce((sum, shard) => sum + 1 + shard.replicas.length + shard.others.length, 0);
    const seconds = ((performance.now() - this.#startedAtMs) / 1000).toFixed(1);
    this.#screen.line(
      `ready ${this.#endpoint} all ${snapshot.slotsServed} slots served by ${snapshot.shards.length} shards of ${nodes} nodes after ${seconds} s`,
    );
  }

  #tellMigration(): void {
    const bar = migrationBar(this.#status, this.#snapshot) ?? '';
    if (bar === this.#lastBar) return;
    this.#lastBar = bar;
    if (bar !== '') this.#screen.line(`migration ${bar}`);
  }
}
